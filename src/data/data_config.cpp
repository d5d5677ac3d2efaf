#include "data/data_config.h"

#include <algorithm>

#include "core/error.h"

namespace diffeo {
namespace {

Shape shape_of(const SyntheticConfig&) { return {2}; }
Shape shape_of(const Cifar10Config&) { return {3, 32, 32}; }
Shape shape_of(const NpyConfig& config) { return config.shape; }
Shape shape_of(const CsvConfig& config) { return {static_cast<int64_t>(config.columns.size())}; }
Shape shape_of(const IdxConfig& config) {
  return {config.shape.at(0), config.shape.at(1) + 2 * config.pad,
          config.shape.at(2) + 2 * config.pad};
}

Shape shape_of(const ImagesConfig& config) {
  return {config.channels, config.size.at(0) + 2 * config.pad, config.size.at(1) + 2 * config.pad};
}

int64_t classes_of(const SyntheticConfig&) { return 0; }
int64_t classes_of(const Cifar10Config&) { return 10; }
int64_t classes_of(const IdxConfig& config) { return config.classes; }
int64_t classes_of(const NpyConfig& config) { return config.classes; }
int64_t classes_of(const CsvConfig& config) { return config.classes; }
int64_t classes_of(const ImagesConfig& config) { return config.classes; }

// Sources that come with a test set are held out as they are.
template <class Source>
bool holds_out(const Source& config) {
  if constexpr (requires { config.test_fraction; })
    return config.test || config.test_fraction > 0 || config.validation > 0;
  else return true;
}

template <class Source>
std::vector<std::string> context_of_source(const Source&) {
  return {};
}

std::vector<std::string> context_of_source(const NpyConfig& config) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < config.context_size; ++i) names.push_back(std::to_string(i));
  return names;
}

std::vector<std::string> context_of_source(const CsvConfig& config) { return config.context; }
std::vector<std::string> context_of_source(const ImagesConfig& config) { return config.context; }

// Its square, as a matrix over an example has, still fits 64 bits.
constexpr double kMostElements = 1 << 30;

// What is wrong with the size of an example, or nothing.
std::string problem_of_size(const Shape& shape) {
  double elements = 1;
  for (int64_t size : shape) elements *= static_cast<double>(size);
  if (elements <= kMostElements) return {};
  return joined("an example of shape ", to_string(shape), " has more than 2^30 elements");
}

constexpr const char* kTwoTests = "test and test_fraction exclude each other; give one of them";

bool all_positive(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](int64_t size) { return size >= 1; });
}

// The first column that is named twice, in one list or in several.
std::optional<std::string> named_twice(const CsvConfig& config) {
  std::vector<std::string> names = config.columns;
  names.insert(names.end(), config.context.begin(), config.context.end());
  if (config.label) names.push_back(*config.label);
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? std::nullopt : std::optional(*twice);
}

std::string problem_of_labels(const NpyConfig& config) {
  if (config.classes > 0 && !config.labels) {
    return joined("classes is ", config.classes, ", but labels names no file");
  }
  if (config.classes == 0 && config.labels)
    return "labels names a file, but classes is 0; give their number";
  if (config.labels && config.test && !config.test_labels) {
    return "labels and test name files, so test_labels must name one too";
  }
  if (config.test_labels && !(config.test && config.labels)) {
    return "test_labels names a file, so labels and test must name one too";
  }
  return {};
}

std::string problem_of_context(const NpyConfig& config) {
  if (config.context_size > 0 && !config.context)
    return joined("context_size is ", config.context_size, ", but context names no file");
  if (config.context_size == 0 && config.context)
    return "context names a file, but context_size is 0; give the number of its columns";
  if (config.context && config.test && !config.test_context)
    return "context and test name files, so test_context must name one too";
  if (config.test_context && !(config.test && config.context))
    return "test_context names a file, so context and test must name one too";
  return {};
}

}  // namespace

std::string IdxConfig::problem() const {
  if (shape.size() == 3 && shape[0] == 1 && all_positive(shape)) return problem_of_size(shape);
  return joined("shape is ", to_string(shape),
                ", but images in IDX files are grey: expected [1, height, width]");
}

std::string NpyConfig::problem() const {
  if ((shape.size() != 1 && shape.size() != 3) || !all_positive(shape)) {
    return joined("shape is ", to_string(shape),
                  ", expected [D] for vectors or [C, H, W] for images");
  }
  if (std::string problem = problem_of_size(shape); !problem.empty()) return problem;
  if (test && test_fraction > 0) return kTwoTests;
  if (shape.size() == 3 && standardise)
    return "standardise is for vectors, but the examples are images";
  if (shape.size() == 1 && (augment.flip || augment.shift > 0)) {
    return joined("augment flips and shifts images, but the examples are vectors: shape is ",
                  to_string(shape));
  }
  std::string problem = problem_of_labels(*this);
  return problem.empty() ? problem_of_context(*this) : problem;
}

std::string CsvConfig::problem() const {
  if (columns.empty()) return "columns names none, expected at least one";
  if (auto twice = named_twice(*this))
    return joined("the column '", *twice, "' is named twice among columns, context and label");
  if (delimiter.size() != 1 || delimiter == "\"" || delimiter == "\n" || delimiter == "\r")
    return joined("delimiter is '", delimiter,
                  "', expected one character (of one byte) that is no quote and ends no line");
  if (test && test_fraction > 0) return kTwoTests;
  if (classes > 0 && !label) return joined("classes is ", classes, ", but label names no column");
  if (classes == 0 && label) return "label names a column, but classes is 0; give their number";
  return {};
}

std::string ImagesConfig::problem() const {
  if (size.size() != 2 || !all_positive(size))
    return joined("size is ", to_string(size), ", expected [height, width]");
  if (channels == 2) return "channels is 2, expected 1 (grey) or 3 (RGB)";
  if (std::string problem = problem_of_size(shape_of(*this)); !problem.empty()) return problem;
  if (test && test_fraction > 0) return kTwoTests;
  if (!table && (label || !context.empty()))
    return "label and context name columns of a table, but table names no file";
  if (label && classes == 0) return "label names a column, but classes is 0; give their number";
  return {};
}

Shape data_shape(const DataConfig& config) {
  return std::visit([](const auto& source) { return shape_of(source); }, config);
}

int64_t data_classes(const DataConfig& config) {
  return std::visit([](const auto& source) { return classes_of(source); }, config);
}

std::vector<std::string> data_context(const DataConfig& config) {
  return std::visit([](const auto& source) { return context_of_source(source); }, config);
}

DataConfig without_validation(DataConfig config) {
  std::visit(
      [](auto& source) {
        if constexpr (requires { source.validation; }) source.validation = 0;
      },
      config);
  return config;
}

DataConfig uncut(DataConfig config) {
  std::visit(
      [](auto& source) {
        if constexpr (requires { source.test_fraction; }) source.test_fraction = 0;
      },
      config);
  return without_validation(std::move(config));
}

bool data_is_standardised(const DataConfig& config) {
  return std::visit(
      [](const auto& source) {
        if constexpr (requires { source.standardise; }) return source.standardise;
        else return false;
      },
      config);
}

std::vector<std::string> data_columns(const DataConfig& config) {
  if (auto* csv = std::get_if<CsvConfig>(&config)) return csv->columns;
  std::vector<std::string> names;
  for (int64_t d = 0; d < data_shape(config)[0]; ++d) names.push_back(std::to_string(d));
  return names;
}

std::string data_column(const DataConfig& config, int64_t column) {
  auto* csv = std::get_if<CsvConfig>(&config);
  return csv ? "'" + csv->columns.at(column) + "'" : std::to_string(column);
}

bool data_is_held_out(const DataConfig& config) {
  return std::visit([](const auto& source) { return holds_out(source); }, config);
}

int64_t data_levels(const DataConfig& config) { return data_is_image(config) ? 256 : 0; }

bool data_is_image(const DataConfig& config) { return data_shape(config).size() == 3; }

}  // namespace diffeo
