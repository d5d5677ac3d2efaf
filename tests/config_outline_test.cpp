// What is refused before data are read: flows that do not suit their data, and trainings without
// anything to train.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "config/configured_flow.h"
#include "config/outline.h"
#include "train_support.h"

namespace diffeo {
namespace {

Config images(const std::string& flow) {
  return parse_config(
      "data: {source: npy, path: none, shape: [2, 4, 4], test_fraction: 0.5}\nflow: " + flow,
      "c.yaml");
}

Config plane(const std::string& flow) {
  return parse_config("data: {source: synthetic, density: rings}\nflow: " + flow, "c.yaml");
}

void expect_outlined(const Config& config) {
  EXPECT_TRUE(trainable_outline_of(config)->parameters()[0].is_meta());
}

void expect_refusal(const Config& config, const std::string& message) {
  Complaint complaint = complaint_of([&] { trainable_outline_of(config); });
  EXPECT_EQ(complaint.message, message);
  EXPECT_EQ(complaint.exit, Exit::kUsage);
}

TEST(Outline, TakesImagesThatAreDequantizedOnceBeforeAnythingCounts) {
  expect_outlined(images("[{type: dequantize}, {type: actnorm}]"));
  expect_outlined(
      images("[{type: squeeze}, {type: shuffle}, {type: dequantize}, {type: actnorm}]"));
  expect_outlined(
      images("[{type: repeat, times: 1, body: [{type: dequantize}, {type: actnorm}]}]"));
}

TEST(Outline, RefusesImagesThatReachALayerOfReals) {
  const std::string cure =
      ": images are whole numbers, and no layer turns them into reals; begin with {type: "
      "dequantize}";
  expect_refusal(images("[{type: actnorm}, {type: dequantize}]"), "c.yaml:2:8: flow[0]" + cure);
  expect_refusal(images("[{type: squeeze}, {type: factor_out}, {type: dequantize}]"),
                 "c.yaml:2:25: flow[1]" + cure);
  expect_refusal(images("[{type: squeeze}]"), "c.yaml:2:8: flow[0]" + cure);
  expect_refusal(images("[]"), "flow" + cure);
}

TEST(Outline, RefusesToDequantizeReals) {
  const std::string reason =
      ": dequantize takes whole numbers, and here are reals: only images are whole, up to their "
      "first dequantize";
  expect_refusal(plane("[{type: dequantize}, {type: actnorm}]"), "c.yaml:2:8: flow[0]" + reason);
  expect_refusal(images("[{type: dequantize}, {type: dequantize}]"),
                 "c.yaml:2:28: flow[1]" + reason);
  expect_refusal(images("[{type: repeat, times: 2, body: [{type: dequantize}, {type: actnorm}]}]"),
                 "c.yaml:2:40: flow[0].body[0]" + reason);
}

TEST(Outline, RefusesATrainingWithoutParameters) {
  expect_refusal(
      plane("[{type: reverse}, {type: scale, factor: 2}]"),
      "c.yaml:2:8: flow[0]: none of the layers has a parameter: there is nothing to train");
  EXPECT_NO_THROW(outline_of(plane("[{type: reverse}]")));
}

TEST(Outline, RefusesAPenaltyOnParametersThatAreNot) {
  expect_refusal(plane("[{type: actnorm}]\npenalty: {l2: 0.1, parameters: [magnitud]}"),
                 "penalty.parameters: no parameter's name contains 'magnitud'; they are called as "
                 "flow.0_actnorm.norm.b");
}

TEST(Outline, RefusesAFlowppThatDoesNotFit) {
  auto coupling = [](const std::string& how, const std::string& net) {
    return "[{type: dequantize}, {type: coupling, " + how +
           ", map: {type: logistic_mixture}, net: {type: " + net + "}}]";
  };
  const std::string place = "c.yaml:2:28: flow[1] (coupling): ";
  expect_refusal(images(coupling("split: columns", "gated_attention_net, filters: 32, heads: 5")),
                 place + "heads: 5 do not divide 32 channels");
  expect_refusal(images(coupling("context: features", "gated_attention_net")),
                 place +
                     "context: there are no features here; data with context columns have them "
                     "(data.context), and the noise layers of a dequantizer with 'features'");
  Config odd = images(coupling("split: columns", "gated_attention_net"));
  std::get<NpyConfig>(odd.data).shape = {2, 4, 5};
  expect_refusal(odd, place + "split: a columns split needs an image of even width, got [2, 4, 5]");
  EXPECT_EQ(
      message_of([] {
        images(
            "[{type: coupling, map: {type: logistic_mixture, components: 0}, net: {type: mlp}}]");
      }),
      "c.yaml:2:67: flow[0].map.components: expected a whole number from 1 to 1024, found '0'");
}

TEST(Outline, RefusesSizesThatNoMachineHolds) {
  expect_refusal(plane("[{type: repeat, times: 10000, body: [{type: repeat, times: 10000, body: "
                       "[{type: reverse}]}]}]"),
                 "c.yaml:2:80: flow[0].body[0].body[0] (reverse): more than 100000 layers");
}

TEST(Outline, RefusesAnExampleThatCannotBeCounted) {
  Complaint complaint = complaint_of([] {
    parse_config(
        "data: {source: npy, path: none, shape: [3000000000, 3000000000, 3000000000], "
        "test_fraction: 0.5}\nflow: [{type: dequantize}]",
        "c.yaml");
  });
  EXPECT_EQ(complaint.message,
            "c.yaml:1:7: data: an example of shape [3000000000, 3000000000, 3000000000] has more "
            "than 2^30 elements");
  EXPECT_EQ(complaint.exit, Exit::kUsage);
}

TEST(BuildFlow, EndsAsOutOfMemoryWhereTheWeightsDoNotFit) {
  Config config = parse_config(
      "data: {source: npy, path: none, shape: [33554432], test_fraction: 0.5}\n"
      "flow: [{type: linear}]");
  Complaint complaint = complaint_of([&] { build_flow(config, at::kFloat); });
  EXPECT_TRUE(complaint.message.starts_with("out of memory in building the flow: asked for "))
      << complaint.message;
  EXPECT_TRUE(complaint.message.ends_with(
      " TB; cure: fewer layers or hidden channels, or a machine with more memory"))
      << complaint.message;
  EXPECT_EQ(complaint.exit, Exit::kMemory);
}

TEST(Outline, OfALargeTriangularLayerTakesNoMemory) {
  Config config = parse_config(
      "data: {source: npy, path: none, shape: [30000], test_fraction: 0.5}\n"
      "flow: [{type: linear, form: tril_plus_low_rank, rank: 2}]");
  EXPECT_EQ(trainable_outline_of(config)->parameters()[0].numel(), int64_t{30000} * 30001 / 2);
}

TEST(Outline, RefusesDeviationsOfASingleNumber) {
  auto with = [](Config config, int64_t batch_size, int64_t accumulate, int64_t start) {
    config.train.batch_size = batch_size;
    config.train.accumulate = accumulate;
    config.train.initialise_examples = start;
    return config;
  };
  const std::string start_cure =
      ": 1 example, and one number has none; set train.initialise_examples to some hundreds, at "
      "least 2";
  for (const std::string per : {"channel", "position"}) {
    Config config = plane("[{type: actnorm, per: " + per + "}]");
    expect_refusal(
        with(config, 1, 1, 0),
        "flow.0_actnorm.norm: its start takes a deviation over train.batch_size" + start_cure);
    expect_refusal(with(config, 8, 1, 1),
                   "flow.0_actnorm.norm: its start takes a deviation over "
                   "train.initialise_examples" +
                       start_cure);
    expect_outlined(with(config, 1, 1, 2));
    expect_outlined(with(config, 8, 8, 0));
  }
  const std::string pass_cure =
      ": every pass takes a deviation over train.batch_size / train.accumulate = 8 / 8 = 1 "
      "example, "
      "and one number has none; set train.batch_size higher or train.accumulate lower";
  Config norms = plane("[{type: repeat, times: 3, body: [{type: batch_norm}]}]");
  expect_refusal(with(norms, 8, 8, 0),
                 "flow.0_batch_norm.moments" + pass_cure + " (and 2 more in this flow)");
  expect_outlined(with(norms, 8, 4, 0));
  expect_refusal(with(plane("[{type: coupling, batch_norm: true, map: {type: affine}, net: {type: "
                            "mlp}}]"),
                      8, 8, 0),
                 "flow.0_coupling.net_norm" + pass_cure + " (and 1 more in this flow)");
}

TEST(Outline, CountsTheNumbersOfADeviationByPixels) {
  Config config = images("[{type: dequantize}, {type: actnorm}, {type: batch_norm}]");
  config.train.batch_size = 1;
  expect_outlined(config);
  std::get<NpyConfig>(config.data).shape = {2, 1, 1};
  EXPECT_EQ(complaint_of([&] { trainable_outline_of(config); }).exit, Exit::kUsage);
  config = images("[{type: dequantize}, {type: actnorm, per: position}]");
  config.train.batch_size = 1;
  EXPECT_EQ(complaint_of([&] { trainable_outline_of(config); }).exit, Exit::kUsage);
}

}  // namespace
}  // namespace diffeo
