#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "core/error.h"
#include "core/listed.h"
#include "data/checks.h"
#include "data/host.h"
#include "data/sources.h"
#include "io/csv.h"

namespace diffeo {
namespace {

using Names = std::vector<std::string>;

// Where in a row the columns of these names stand.
std::vector<size_t> places_of(const CsvReader& table, const Names& names) {
  std::vector<size_t> places;
  for (const std::string& name : names) {
    auto found = std::find(table.names().begin(), table.names().end(), name);
    if (found == table.names().end())
      table.fail("no column is called '", name, "'; there are ", listed_in_words(table.names()));
    places.push_back(found - table.names().begin());
  }
  return places;
}

// The rows of a file: numbers of some columns, and words of one.
struct Rows {
  std::vector<double> examples, context;
  Names labels;
};

Rows read_rows(const CsvConfig& config, const std::string& file) {
  CsvReader table(file, config.delimiter.at(0));
  std::vector<size_t> columns = places_of(table, config.columns),
                      context = places_of(table, config.context),
                      label = places_of(table, config.label ? Names{*config.label} : Names());
  Rows rows;
  while (table.next()) {
    for (size_t column : columns) rows.examples.push_back(table.number(column));
    for (size_t column : context) rows.context.push_back(table.number(column));
    for (size_t column : label) rows.labels.push_back(table.cells()[column]);
  }
  return rows;
}

// [N, columns] float64
Tensor matrix(const std::vector<double>& numbers, size_t columns) {
  return at::tensor(numbers, host_options(at::kDouble)).view({-1, static_cast<int64_t>(columns)});
}

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = problem == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

// The number of each class: what the training's labels are called, in order.
using ClassNumbers = std::map<std::string, int64_t>;

// Whole numbers stand for themselves; words are numbered in their order.
ClassNumbers numbered(const CsvConfig& config, const Names& labels) {
  ClassNumbers numbers;
  bool all_whole = true;
  for (const std::string& label : labels) {
    std::optional<int64_t> whole = whole_number(label);
    all_whole = all_whole && whole;
    numbers[label] = whole.value_or(0);
  }
  if (all_whole) return numbers;
  require(static_cast<int64_t>(numbers.size()) <= config.classes, Exit::kData, config.path,
          ": column '", *config.label, "' holds ", numbers.size(),
          " different words, but data.classes is ", config.classes);
  int64_t next = 0;
  for (auto& [label, number] : numbers) number = next++;
  return numbers;
}

Tensor labels_of(const CsvConfig& config, const std::string& file, const Names& labels,
                 const ClassNumbers& numbers) {
  std::vector<int64_t> found;
  for (const std::string& label : labels) {
    auto number = numbers.find(label);
    std::optional<int64_t> whole = whole_number(label);
    require(number != numbers.end() || whole, Exit::kData, file, ": example ", found.size(),
            " has the label '", label, "', which no training example has");
    found.push_back(number != numbers.end() ? number->second : *whole);
  }
  auto count = static_cast<int64_t>(labels.size());
  return checked_labels(file, at::tensor(found, host_options(at::kLong)), count, config.classes);
}

Dataset set_of(const CsvConfig& config, const std::string& file, const Rows& rows,
               const ClassNumbers& numbers) {
  require(!rows.examples.empty(), Exit::kData, file, ": holds a header and no rows");
  Tensor examples = matrix(rows.examples, config.columns.size());
  Dataset set{config.standardise ? examples : single_precision(file, examples)};
  if (config.label) set.labels = labels_of(config, file, rows.labels, numbers);
  if (!config.context.empty())
    set.context = single_precision(file, matrix(rows.context, config.context.size()));
  return set;
}

}  // namespace

std::map<std::string, Dataset> read_splits(const CsvConfig& config, uint64_t seed) {
  Rows train = read_rows(config, config.path);
  ClassNumbers numbers = numbered(config, train.labels);
  std::optional<Dataset> test;
  if (config.test) test = set_of(config, *config.test, read_rows(config, *config.test), numbers);
  return with_test(set_of(config, config.path, train, numbers), test, config.test_fraction, seed);
}

}  // namespace diffeo
