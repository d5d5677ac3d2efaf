#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/config.h"
#include "config/schema.h"

namespace diffeo {
namespace {

using nlohmann::json;

json schema() { return json::parse(schema_json()); }

json optimizer_named(const std::string& kind) {
  json root = schema();
  for (const json& alternative : root["properties"]["optimizer"]["oneOf"]) {
    if (alternative["properties"]["kind"]["const"] == kind) return alternative;
  }
  return nullptr;
}

// Every "$ref" of the schema, wherever it stands.
void collect_references(const json& node, std::vector<std::string>& found) {
  if (node.is_object() && node.contains("$ref")) found.push_back(node["$ref"]);
  if (node.is_structured()) {
    for (const json& inner : node) collect_references(inner, found);
  }
}

TEST(ConfigSchema, IsDraftSevenAndRefusesUnknownKeys) {
  json root = schema();
  EXPECT_EQ(root["$schema"], "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(root["type"], "object");
  EXPECT_EQ(root["additionalProperties"], false);
  EXPECT_EQ(root["required"], json({"data", "flow"}));
}

TEST(ConfigSchema, GivesTypeRangeDefaultAndMeaningOfANumber) {
  EXPECT_EQ(schema()["properties"]["train"]["properties"]["keep"],
            json({{"type", "integer"},
                  {"minimum", 1.0},
                  {"description", "newest checkpoints kept, beside the best"},
                  {"default", 3}}));
  EXPECT_EQ(schema()["properties"]["train"]["properties"]["ema_decay"]["exclusiveMaximum"], 1);
  json temperatures = schema()["properties"]["train"]["properties"]["sample_temperatures"];
  EXPECT_EQ(temperatures["items"], json({{"type", "number"}, {"minimum", 0.0}}));
  EXPECT_EQ(temperatures["default"], json({1}));
}

TEST(ConfigSchema, ListsTheNamesOfAnEnum) {
  json objective = schema()["properties"]["objective"];
  EXPECT_EQ(objective["enum"], json({"nats", "bits_per_dim"}));
  EXPECT_EQ(objective["default"], "nats");
}

TEST(ConfigSchema, TellsAlternativesApartByTheirTag) {
  json adamax = optimizer_named("adamax");
  EXPECT_EQ(adamax["required"], json({"kind"}));
  EXPECT_EQ(adamax["additionalProperties"], false);
  EXPECT_EQ(adamax["properties"]["form"]["enum"], json({"glow", "textbook"}));
  EXPECT_FALSE(adamax["properties"].contains("decay"));
}

TEST(ConfigSchema, LeavesTheTagOfTheDefaultOut) {
  EXPECT_FALSE(optimizer_named("adam").contains("required"));
  EXPECT_EQ(schema()["properties"]["optimizer"]["default"]["kind"], "adam");
}

TEST(ConfigSchema, RefersToLayersWhereverTheyStand) {
  json root = schema();
  EXPECT_EQ(root["properties"]["flow"]["items"], json({{"$ref", "#/definitions/layer"}}));
  EXPECT_EQ(root["definitions"]["repeat"]["properties"]["body"]["items"],
            json({{"$ref", "#/definitions/layer"}}));
  EXPECT_EQ(root["definitions"]["repeat"]["properties"]["type"], json({{"const", "repeat"}}));
  EXPECT_EQ(root["definitions"]["repeat"]["required"][0], "type");
  EXPECT_EQ(root["definitions"]["layer"]["oneOf"].size(), std::variant_size_v<LayerConfig>);
  std::vector<std::string> references;
  collect_references(root, references);
  for (const std::string& reference : references) {
    ASSERT_EQ(reference.find("#/definitions/"), 0u);
    EXPECT_TRUE(root["definitions"].contains(reference.substr(14))) << reference;
  }
}

TEST(ConfigReference, ListsEveryKeyWithDefaultRangeAndMeaning) {
  std::string text = reference();
  for (const char* line : {
           "# Configuration\n",
           "| `seed` | a whole number of at least 0 | `0` | of the starting weights, the batches "
           "and all noise |\n",
           "| `flow` | list of: layer |  | the layers, from data to noise |\n",
           "| `penalty` | mapping | `{}` | L2 term beside the likelihood |\n",
           "`exponential`, `cosine`, `piecewise` | `{kind: constant}` | how the learning rate goes "
           "with the step |\n",
           "## `optimizer`\n\n### `kind: adam`\n\nAdam (Kingma & Ba 2015).\n",
           "| `keep` | a whole number of at least 1 | `3` | newest checkpoints kept, beside the "
           "best |\n",
           "## `schedule`\n",
           "### `type: repeat`\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(text.find("## `schedule`"), text.rfind("## `schedule`"));
}

}  // namespace
}  // namespace diffeo
