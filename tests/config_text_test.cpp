#include <cfloat>
#include <random>

#include "config/scalars.h"
#include "config/yaml_text.h"
#include "config_errors.h"

namespace diffeo {
namespace {

TEST(ConfigText, HoldsEveryFieldAndReadsBackTheSame) {
  std::string text = to_yaml(parse_config(kSmallest + R"(
optimizer: {kind: rmsprop, learning_rate: 1e-7, schedule: {kind: piecewise, points: [{step: 3, factor: 0.1}]}}
penalty: {l2: 3e-5, parameters: ["true", "1", "a b", "x: y", "", "null", "\u20ac\n\"\\", scale]}
)"));
  EXPECT_EQ(to_yaml(parse_config(text)), text);
  EXPECT_NE(
      text.find(
          "penalty: {l2: 3.0e-05, parameters: [\"true\", \"1\", \"a b\", \"x: y\", \"\", \"null\", "
          "\"\xE2\x82\xAC\\n\\\"\\\\\", scale]}"),
      std::string::npos)
      << text;
}

TEST(ConfigText, PutsOnALineWhatFitsThere) {
  std::string repeat =
      "{type: repeat, times: 3, body: [{type: reverse}, {type: coupling, net: {type: mlp}}]}";
  Config config = parse_config(kData + "flow: [" + repeat + ", {type: reverse}]");
  config.train.sample_temperatures = {0.7, 1};
  std::string text = to_yaml(config);
  EXPECT_EQ(text.substr(text.find("flow:"), text.find("base:") - text.find("flow:")),
            "flow:\n"
            "  - type: repeat\n"
            "    times: 3\n"
            "    body:\n"
            "      - {type: reverse}\n"
            "      - type: coupling\n"
            "        split: channel\n"
            "        keep: first\n"
            "        context: none\n"
            "        batch_norm: false\n"
            "        map: {type: affine, form: glow}\n"
            "        kept_map: null\n"
            "        net: {type: mlp, hidden: 128, depth: 2, start: zero_output}\n"
            "  - {type: reverse}\n");
  EXPECT_EQ(text.find("seed: 0\n"), 0u);
  EXPECT_NE(text.find("\n  sample_temperatures: [0.7, 1]\n"), std::string::npos) << text;
}

TEST(ConfigText, WritesTheShortestNumberThatReadsBack) {
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(1e-8), "1.0e-08");
  EXPECT_EQ(number_text(2.5e-8), "2.5e-08");
  EXPECT_EQ(number_text(64), "64");
  std::mt19937_64 bits(1);
  for (int i = 0; i < 1000; ++i) {
    uint64_t pattern = bits();
    double value = 0, back = 1;
    std::memcpy(&value, &pattern, sizeof value);
    if (!std::isfinite(value)) continue;
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.text = number_text(value);
    EXPECT_EQ(read_scalar(node, {}, back), "");
    EXPECT_EQ(back, value);
  }
}

TEST(ConfigText, QuotesTextsThatOthersReadAsSomethingElse) {
  for (const char* text :
       {"",           "true", "No",  "y",  "NULL", "~",  "1",    "1e5", "0x1f", "1_000",
        "2001-01-01", ".inf", "nan", "-",  "- a",  "a:", "a: b", "*a",  "&a",   "!a",
        "[a",         "{a",   "a,b", "'a", "\"a",  "@a", "a #b", "`a",  "%a",   "? a"}) {
    EXPECT_FALSE(reads_as_text(text)) << text;
  }
  for (const char* text :
       {"scale", "two_moons", "8_gaussians", "/data/cifar-10/x.bin", "flow.3_coupling"}) {
    EXPECT_TRUE(reads_as_text(text)) << text;
  }
}

}  // namespace
}  // namespace diffeo
