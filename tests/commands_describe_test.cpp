#include "program.h"

namespace diffeo {
namespace {

using CommandDescribe = Commands;

const std::string kGlow = R"(
data: {source: npy, path: nowhere.npy, test_fraction: 0.1, shape: [1, 4, 4], labels: l.npy, classes: 3}
flow:
  - {type: dequantize, noise: [{type: actnorm}, {type: sigmoid}]}
  - {type: squeeze}
  - {type: repeat, times: 2, body: [{type: actnorm}, {type: inv_conv}]}
  - {type: factor_out, prior: learned}
  - {type: actnorm}
)";

TEST_F(CommandDescribe, PrintsEveryLayer) {
  write("glow.yaml", kGlow);
  Answer answer = diffeo({"describe", "glow.yaml"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.err, "");
  EXPECT_EQ(answer.out, R"(layer                              output     parameters
(data)                             [1, 4, 4]
flow.0_dequantize                  [1, 4, 4]           0
flow.0_dequantize.noise.0_actnorm  [1, 4, 4]           2
flow.0_dequantize.noise.1_sigmoid  [1, 4, 4]           0
flow.1_squeeze                     [4, 2, 2]           0
flow.2_actnorm                     [4, 2, 2]           8
flow.3_inv_conv                    [4, 2, 2]          16
flow.4_actnorm                     [4, 2, 2]           8
flow.5_inv_conv                    [4, 2, 2]          16
flow.6_factor_out                  [2, 2, 2]         116
flow.7_actnorm                     [2, 2, 2]           4

latents  shape      offset
level 0  [2, 2, 2]       0
level 1  [2, 2, 2]       8

base: normal, 16 dimensions
parameters: 170
)");
}

TEST_F(CommandDescribe, PrintsTheSameAsJson) {
  write("glow.yaml", kGlow);
  nlohmann::json json = diffeo({"describe", "--json", "glow.yaml"}).json();
  EXPECT_EQ(json.at("parameters"), 170);
  EXPECT_EQ(json.at("classes"), 3);
  EXPECT_EQ(json.at("layers").size(), 10u);
  EXPECT_EQ(
      json.at("layers")[8],
      (nlohmann::json{{"path", "flow.6_factor_out"}, {"output", {2, 2, 2}}, {"parameters", 116}}));
  int64_t sum = 0;
  for (const auto& layer : json.at("layers")) sum += layer.at("parameters").get<int64_t>();
  EXPECT_EQ(sum, 170);
  EXPECT_EQ(json.at("latents")[1],
            (nlohmann::json{{"level", 1}, {"offset", 8}, {"shape", {2, 2, 2}}}));
}

TEST_F(CommandDescribe, CountsAShippedOne) {
  Answer answer = diffeo({"describe", "cifar10/glow"});
  EXPECT_TRUE(answer.out.ends_with("\nparameters: 44,603,604\n")) << answer.out;
}

}  // namespace
}  // namespace diffeo
