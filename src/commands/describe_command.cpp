#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/commands.h"
#include "commands/layer_table.h"
#include "commands/model_argument.h"
#include "commands/text_table.h"
#include "config/outline.h"
#include "io/json.h"

namespace diffeo {
namespace {

using Json = nlohmann::json;

Json described_as_json(const Config& config, const Flow& flow) {
  Json layers = Json::array(), latents = Json::array();
  for (const LayerRow& row : layer_rows(flow)) {
    layers.push_back({{"path", row.path}, {"output", row.output}, {"parameters", row.parameters}});
  }
  for (const Segment& segment : flow.latents()) {
    latents.push_back(
        {{"level", segment.level}, {"offset", segment.offset}, {"shape", segment.shape}});
  }
  return {{"shape", flow.shape()},
          {"classes", data_classes(config.data)},
          {"base", name_of(config.base)},
          {"parameters", parameter_count(flow)},
          {"layers", layers},
          {"latents", latents}};
}

void print_description(const Config& config, const Flow& flow) {
  TextTable table({"layer", "output", "parameters"});
  table.add({"(data)", to_string(flow.shape()), ""});
  for (const LayerRow& row : layer_rows(flow)) {
    table.add({row.path, to_string(row.output), grouped_digits(row.parameters)});
  }
  std::cout << table.text() << "\n";
  TextTable latents({"latents", "shape", "offset"});
  for (const Segment& segment : flow.latents()) {
    latents.add({joined("level ", segment.level), to_string(segment.shape),
                 grouped_digits(segment.offset)});
  }
  std::cout << latents.text() << "\nbase: " << name_of(config.base) << ", " << numel(flow.shape())
            << " dimensions\n"
            << "parameters: " << grouped_digits(parameter_count(flow)) << "\n";
}

}  // namespace

void describe_command(const Words& words) {
  std::string model;
  bool json = false;
  CommandLine line(
      "diffeo describe",
      "Prints the layers with their output shapes and parameters, the latents, and the number of "
      "parameters. Takes neither memory nor data.",
      "diffeo describe cifar10/glow");
  line.argument("MODEL", model, "Configuration (file or shipped name), or checkpoint");
  line.flag("--json", json, "Print JSON");
  if (!line.parse(words)) return;
  Config config = config_of_model(model);
  auto flow = outline_of(config);
  if (json) std::cout << json_text(described_as_json(config, *flow), 2) << "\n";
  else print_description(config, *flow);
}

}  // namespace diffeo
