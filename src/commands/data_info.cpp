#include <ATen/ATen.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/commands.h"
#include "commands/data_argument.h"
#include "commands/data_commands.h"
#include "commands/model_argument.h"
#include "commands/output_file.h"
#include "commands/text_table.h"
#include "config/data_checks.h"
#include "config/scalars.h"
#include "core/listed.h"
#include "data/statistics.h"
#include "io/json.h"
#include "io/png.h"
#include "pictures/image_grid.h"
#include "pictures/plane.h"

namespace diffeo {
namespace {

using Json = nlohmann::json;

constexpr int64_t kShownImages = 100, kShownPoints = 100000;

// The set that stands for the data where one must: what training sees, else what there is.
const std::string& leading_split(const Data& data) {
  auto train = data.splits.find("train");
  return (train == data.splits.end() ? data.splits.begin() : train)->first;
}

Json facts_of(const PixelFacts& facts) {
  return {{"least", facts.least},
          {"greatest", facts.greatest},
          {"levels_used", facts.levels},
          {"mean", facts.mean},
          {"deviation", facts.deviation}};
}

Json facts_of(const ColumnFacts& facts, const std::string& name) {
  return {{"column", name},     {"least", facts.least},         {"greatest", facts.greatest},
          {"mean", facts.mean}, {"deviation", facts.deviation}, {"distinct", facts.distinct}};
}

Json split_facts(const Config& config, const Dataset& set) {
  Json facts{{"examples", set.size()}};
  if (data_is_image(config.data)) facts["pixels"] = facts_of(pixel_facts(set.examples));
  if (int64_t classes = data_classes(config.data))
    facts["classes"] = class_counts(set.labels, classes);
  return facts;
}

Json columns_of(const Tensor& vectors, const std::vector<std::string>& names) {
  Json columns = Json::array();
  std::vector<ColumnFacts> facts = column_facts(vectors);
  for (size_t i = 0; i < facts.size(); ++i) columns.push_back(facts_of(facts[i], names[i]));
  return columns;
}

Json data_facts(const Config& config, const Data& data) {
  Json facts{{"shape", data_shape(config.data)},
             {"images", data_is_image(config.data)},
             {"classes", data_classes(config.data)},
             {"splits", Json::object()},
             {"warnings", data_doubts(config, data)}};
  for (const auto& [name, set] : data.splits) facts["splits"][name] = split_facts(config, set);
  const std::string& leading = leading_split(data);
  const Dataset& set = data.splits.at(leading);
  facts["columns_of"] = leading;
  if (!data_is_image(config.data))
    facts["columns"] = columns_of(set.examples, data_columns(config.data));
  if (set.context.defined()) facts["context"] = columns_of(set.context, data_context(config.data));
  if (data.density) facts["entropy"] = data.density->entropy();
  return facts;
}

std::string rounded(const Json& number) {
  std::ostringstream text;
  text.precision(6);
  text << number.get<double>();
  return text.str();
}

void print_splits(const Json& facts) {
  bool images = facts.at("images").get<bool>();
  std::vector<std::string> header{"split", "", "examples"};
  if (images)
    header.insert(header.end(), {"least", "greatest", "levels used", "mean", "deviation"});
  TextTable table(header);
  for (const auto& [name, split] : facts.at("splits").items()) {
    std::vector<std::string> row{name, "", grouped_digits(split.at("examples").get<int64_t>())};
    if (images) {
      const Json& pixels = split.at("pixels");
      for (const char* key : {"least", "greatest", "levels_used", "mean", "deviation"})
        row.push_back(rounded(pixels.at(key)));
    }
    table.add(row);
  }
  std::cout << table.text();
}

void print_columns(const Json& columns, const char* what) {
  TextTable table({what, "", "least", "mean", "deviation", "greatest", "distinct"});
  for (const Json& column : columns) {
    table.add({column.at("column").get<std::string>(), "", rounded(column.at("least")),
               rounded(column.at("mean")), rounded(column.at("deviation")),
               rounded(column.at("greatest")),
               grouped_digits(column.at("distinct").get<int64_t>())});
  }
  std::cout << "\n" << table.text();
}

void print_classes(const Json& facts) {
  std::vector<std::string> header{"class", ""};
  for (const auto& [name, split] : facts.at("splits").items()) header.push_back(name);
  TextTable table(header);
  for (int64_t k = 0; k < facts.at("classes").get<int64_t>(); ++k) {
    std::vector<std::string> row{std::to_string(k), ""};
    for (const auto& [name, split] : facts.at("splits").items())
      row.push_back(grouped_digits(split.at("classes")[k].get<int64_t>()));
    table.add(row);
  }
  std::cout << "\n" << table.text();
}

void print_facts(const Json& facts) {
  bool images = facts.at("images").get<bool>();
  std::cout << (images ? "images " : "vectors ") << to_string(facts.at("shape").get<Shape>())
            << (images ? " of whole numbers 0 to 255" : " of real numbers");
  if (facts.contains("entropy"))
    std::cout << ", drawn from a density of entropy " << rounded(facts.at("entropy")) << " nats";
  std::cout << "\n\n";
  print_splits(facts);
  if (facts.contains("columns")) print_columns(facts.at("columns"), "column");
  if (facts.contains("context")) print_columns(facts.at("context"), "context");
  if (facts.at("classes") != 0) print_classes(facts);
}

// The first examples: images in a grid, points of the plane as dots.
ImageGrid contact_sheet(const Dataset& set) {
  switch (picture_kind(set.shape())) {
    case PictureKind::kImages: {
      Tensor some = set.first(kShownImages).examples;
      return image_grid({some}, square_columns(some.size(0)));
    }
    case PictureKind::kPlane: {
      Tensor points = set.first(kShownPoints).examples.to(at::kFloat);
      return {scatter_picture(points, box_around(points)), ""};
    }
    case PictureKind::kNone: break;
  }
  fail(Exit::kUsage, "diffeo data info: --out: examples of shape ", to_string(set.shape()),
       " have no picture");
}

void save_contact_sheet(const std::filesystem::path& path, const Data& data) {
  const std::string& split = leading_split(data);
  auto [picture, note] = contact_sheet(data.splits.at(split));
  PngText text{{"Comment", "the first examples of " + split}};
  if (!note.empty()) text["Description"] = note;
  save_png(path, picture, text);
}

}  // namespace

void data_info(const Words& words) {
  DataArgument argument{.command = "diffeo data info"};
  OutputFile picture;
  bool json = false;
  CommandLine line(
      "diffeo data info",
      "Prints what a data set holds: its splits, the range and number of values, the columns, the "
      "examples of each class, and what would make likelihoods of it meaningless.",
      "diffeo data info cifar10/glow data.path=cifar-10-batches-bin --out examples.png");
  argument.declare(line);
  picture.declare(line, "Also a picture of the first examples; ends in .png");
  line.flag("--json", json, "Print JSON");
  if (!line.parse(words)) return;
  if (picture.path) picture.checked({".png"});
  Config config = argument.config();
  Data data = load_data(config.data, static_cast<uint64_t>(config.seed));
  Json facts = data_facts(config, data);
  if (picture.path) save_contact_sheet(*picture.path, data);
  for (const Json& warning : facts.at("warnings")) warn_user(warning.get<std::string>());
  if (json) std::cout << json_text(facts, 2) << "\n";
  else print_facts(facts);
}

}  // namespace diffeo
