// What single layers promise beyond the contract, and the flow around them.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <functional>
#include <map>

#include "config/config.h"
#include "flow/domain.h"
#include "flow/flow.h"
#include "learn/flat_moments.h"

namespace diffeo {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Flow double_flow(const std::string& layers, const Shape& shape, int64_t classes = 0) {
  return Flow(parse_layers(layers),
              {.input = shape, .classes = classes, .options = at::kDouble, .seed = 2});
}

Tensor randn(at::IntArrayRef sizes, uint64_t seed = 3) {
  return SeededNoise(seed).normal("test", at::empty(sizes, at::kDouble));
}

Tensor counting(at::IntArrayRef sizes) {
  return at::arange(c10::multiply_integers(sizes), at::kDouble).view(sizes);
}

void perturb(Flow& flow) {
  at::NoGradGuard no_grad;
  SeededNoise noise(5);
  for (auto& p : flow.named_parameters()) p.value().add_(0.1 * noise.normal(p.key(), p.value()));
}

// Draws from a source the first time a path asks and plays the same back afterwards.
struct Tape final : Noise {
  explicit Tape(Noise& from) : source(from) {}
  Tensor normal(const std::string& path, const Tensor& like) override {
    return draws.contains(path) ? draws[path] : draws[path] = source.normal(path, like);
  }
  Tensor uniform(const std::string& path, const Tensor& like) override {
    return draws.contains(path) ? draws[path] : draws[path] = source.uniform(path, like);
  }
  Noise& source;
  std::map<std::string, Tensor> draws;
};

TEST(Observer, SeesEachLayerInOrderBothWays) {
  Flow flow = double_flow(
      "[{type: squeeze}, {type: reverse}, {type: factor_out}, {type: inv_conv}]", {1, 2, 2});
  std::vector<std::string> paths;
  Tensor log_det = at::zeros({3}, at::kDouble);
  Pass pass{.observer = [&](const Report& report) {
    paths.push_back(report.path);
    if (report.path.ends_with("inv_conv")) log_det = report.log_det;
  }};
  Tensor z = flow.encode(randn({3, 1, 2, 2}), pass);
  EXPECT_EQ(paths, (std::vector<std::string>{"flow.0_squeeze", "flow.1_reverse",
                                             "flow.2_factor_out", "flow.3_inv_conv", "flow"}));
  EXPECT_TRUE(log_det.defined());
  paths.clear();
  flow.decode(z, pass);
  EXPECT_EQ(paths, (std::vector<std::string>{"flow.3_inv_conv", "flow.2_factor_out",
                                             "flow.1_reverse", "flow.0_squeeze", "flow"}));
  EXPECT_FALSE(log_det.defined());
  EXPECT_TRUE(flow.named_parameters().contains("flow.3_inv_conv.mix.weight"));
}

// Which an observer prevents, as it is to see what lies between them.
TEST(ActNorm, JoinsAnInvConvBehindItWithoutChangingWhatComesOut) {
  for (const char* form : {"plain", "lu"}) {
    Flow flow = double_flow(joined("[{type: actnorm}, {type: inv_conv, form: ", form,
                                   "}, {type: actnorm}, {type: inv_conv, split: channel}]"),
                            {4, 6, 2});
    flow.initialise(randn({8, 4, 6, 2}, 9));
    perturb(flow);
    Tensor x = randn({3, 4, 6, 2});
    int seen = 0;
    auto gradient = [&](const Pass& pass) {
      flow.zero_grad();
      Tensor log_prob = flow.log_prob(x, pass);
      log_prob.square().sum().backward();
      std::vector<Tensor> all{log_prob.detach()};
      for (const Tensor& parameter : flow.parameters()) all.push_back(parameter.grad().clone());
      return all;
    };
    std::vector<Tensor> both = gradient({}),
                        apart = gradient({.observer = [&](const Report&) { ++seen; }});
    EXPECT_EQ(seen, 5);
    for (size_t i = 0; i < both.size(); ++i)
      EXPECT_TRUE(at::allclose(both[i], apart[i], 1e-9, 1e-10));
  }
}

TEST(ActNorm, SetsItselfOnlyInModeInitialise) {
  Flow flow = double_flow("[{type: actnorm}, {type: squeeze}, {type: actnorm}]", {2, 4, 4});
  Tensor x = 3 * randn({64, 2, 4, 4}) + 7;
  for (Mode mode : {Mode::kTrain, Mode::kEvaluate}) {
    EXPECT_EQ(message_of([&] { flow.encode(x, {.mode = mode}); }),
              "flow.0_actnorm.norm: not initialised; call Flow::initialise with a batch, or load "
              "weights, first");
  }
  EXPECT_NE(message_of([&] { flow.decode(at::zeros({1, 32}, at::kDouble)); }), "");
  flow.initialise(x);
  Tensor z = flow.encode(x).view({64, 8, 4}).transpose(0, 1).flatten(1);
  EXPECT_TRUE(at::allclose(z.mean(1), at::zeros({8}, at::kDouble), 0, 1e-9));
  EXPECT_TRUE(at::allclose(z.std(1, false), at::ones({8}, at::kDouble), 0, 1e-5));
  Tensor b = flow.named_parameters()["flow.0_actnorm.norm.b"].clone();
  flow.encode(x + 1, {.mode = Mode::kTrain});
  EXPECT_TRUE(at::equal(flow.named_parameters()["flow.0_actnorm.norm.b"], b));
}

TEST(ActNorm, PerPositionTakesItsMomentsOverTheBatchAlone) {
  Flow flow = double_flow("[{type: actnorm, per: position}]", {2, 2, 2});
  Tensor x = randn({50, 2, 2, 2}) * counting({2, 2, 2}).add(1) + counting({2, 2, 2});
  flow.initialise(x);
  Tensor z = flow.encode(x);
  EXPECT_TRUE(at::allclose(z.mean(0), at::zeros({8}, at::kDouble), 0, 1e-12));
  EXPECT_TRUE(at::allclose(z.var(0, false), at::ones({8}, at::kDouble), 0, 1e-7));
}

TEST(GatedNet, IsNotUsedBeforeItIsStarted) {
  Flow flow = double_flow(
      "[{type: coupling, split: columns, net: {type: gated_attention_net, filters: 4, blocks: 1, "
      "heads: 2}}]",
      {2, 2, 4});
  Tensor x = randn({8, 2, 2, 4});
  const std::string message =
      "flow.0_coupling.net.first: not initialised; call Flow::initialise with a batch, or load "
      "weights, first";
  for (Mode mode : {Mode::kTrain, Mode::kEvaluate})
    EXPECT_EQ(message_of([&] { flow.log_prob(x, {.mode = mode}); }), message);
  EXPECT_EQ(message_of([&] { flow.decode(x.flatten(1)); }), message);
  flow.initialise(x);
  EXPECT_EQ(message_of([&] { flow.log_prob(x); }), "");
}

TEST(Layers, TellWhetherSamplesDependOnAClass) {
  for (const char* dependent : {"{type: prior, classes: true}", "{type: factor_out, prior: class}",
                                "{type: coupling, context: class, net: {type: mlp}}",
                                "{type: masked_coupling, context: class, net: {type: resnet}}",
                                "{type: repeat, times: 2, body: [{type: repeat, times: 1, body: "
                                "[{type: prior, classes: true}]}]}"}) {
    EXPECT_TRUE(samples_by_class(parse_layers(joined("[{type: reverse}, ", dependent, "]"))))
        << dependent;
  }
  EXPECT_FALSE(samples_by_class(
      parse_layers("[{type: reverse}, {type: prior, learned: true, classifier_weight: 1}, "
                   "{type: factor_out, prior: learned}, {type: coupling, net: {type: mlp}}]")));
}

TEST(ActNorm, StartsWithDeviationOneInEveryUnit) {
  for (double unit : {1e-30, 1e-8, 1e-5, 1.0, 1e9, 1e25}) {
    for (const char* layers : {"[{type: actnorm}]", "[{type: actnorm, per: position}]"}) {
      if (unit > 1e9 && std::string(layers).find("position") != std::string::npos) continue;
      Flow flow(parse_layers(layers), {.input = {3}, .options = at::kFloat});
      Tensor x = ((randn({500, 3}) + 2) * unit).to(at::kFloat);
      flow.initialise(x);
      Tensor z = flow.encode(x);
      EXPECT_TRUE(at::allclose(z.mean(0), at::zeros({3}), 0, 1e-5)) << unit << layers;
      EXPECT_TRUE(at::allclose(z.std(0, false), at::ones({3}), 0, 2e-3)) << unit << layers;
    }
  }
}

// 0.1 is not among the numbers of single precision, so that the mean of many is off in the last
// place, and no scale must be made of that.
TEST(ActNorm, StartsAConstantWithThePublishedScale) {
  for (double value : {0.0, 0.1, -1e6}) {
    Tensor x = at::full({777, 2}, value, at::kFloat);
    Flow channel(parse_layers("[{type: actnorm}]"), {.input = {2}, .options = at::kFloat});
    channel.initialise(x);
    Tensor logs = channel.named_parameters()["flow.0_actnorm.norm.logs"];
    EXPECT_LE(3 * logs.max().item<double>(), std::log(1e6) + 1e-5) << value;
    Flow position(parse_layers("[{type: actnorm, per: position}]"),
                  {.input = {2}, .options = at::kFloat});
    position.initialise(x);
    Tensor gain = position.named_parameters()["flow.0_actnorm.norm.gain"];
    EXPECT_LE(gain.max().item<double>(), 1e4 * (1 + 1e-5)) << value;
  }
}

TEST(Logit, HasNoDensityOutsideWhatItMaps) {
  for (double alpha : {0.0, 0.05}) {
    Flow flow = double_flow(joined("[{type: logit, alpha: ", alpha, "}, {type: linear}]"), {2});
    Tensor x = at::tensor({0.5, 0.25, 0.5, 2.0, -0.2, 0.5, 0.0, 1.0}, at::kDouble).view({4, 2});
    Tensor log_prob = flow.log_prob(x);
    EXPECT_TRUE(at::equal(log_prob.isfinite().to(at::kInt), at::tensor({1, 0, 0, 1}))) << log_prob;
    EXPECT_EQ(log_prob[1].item<double>(), -INFINITY);
    EXPECT_EQ(log_prob[2].item<double>(), -INFINITY);
    std::optional<OutsideDomain> outside = outside_domain(flow, x, {});
    EXPECT_EQ(outside->example, 1);
    EXPECT_EQ(outside->what, joined("flow.0_logit is given 2 at [1], and maps ",
                                    alpha == 0 ? "0 to 1" : "-0.0555556 to 1.05556"));
    EXPECT_FALSE(outside_domain(flow, x.slice(0, 3), {}));
    EXPECT_FALSE(outside_domain(flow, at::full({1, 2}, NAN, at::kDouble), {}));
  }
}

TEST(Squeeze, HasThePublishedOrders) {
  Tensor x = (100 * at::arange(2, at::kDouble)).view({1, 2, 1, 1}) + counting({1, 1, 2, 4});
  auto first_cell = [&](const char* order) {
    Flow flow = double_flow(std::string("[{type: squeeze, order: ") + order + "}]", {2, 2, 4});
    return flow.encode(x).view({8, 1, 2}).select(2, 0).flatten();
  };
  auto tensor = [](std::vector<double> values) { return at::tensor(values, at::kDouble); };
  EXPECT_TRUE(at::equal(first_cell("channel"), tensor({0, 1, 4, 5, 100, 101, 104, 105})));
  EXPECT_TRUE(at::equal(first_cell("space_to_depth"), tensor({0, 100, 1, 101, 4, 104, 5, 105})));
  EXPECT_TRUE(at::equal(first_cell("diagonal"), tensor({0, 100, 5, 105, 1, 101, 4, 104})));
}

TEST(FactorOut, SendsTheFirstHalfOnAndEndsTheLast) {
  Flow flow = double_flow("[{type: factor_out}, {type: reverse}]", {4});
  Tensor z = flow.encode(counting({1, 4}));
  EXPECT_TRUE(at::equal(z, at::tensor({2., 3., 1., 0.}, at::kDouble).view({1, 4}))) << z;
}

TEST(FactorOut, MayStandInsideARepeatAlsoANestedOne) {
  Flow flow = double_flow(
      "[{type: repeat, times: 1, body: [{type: repeat, times: 2, body: [{type: squeeze}, {type: "
      "actnorm}, {type: factor_out, prior: learned}]}]}, {type: inv_conv}]",
      {2, 8, 8});
  Tensor x = randn({3, 2, 8, 8});
  flow.initialise(x);
  perturb(flow);
  Tensor z = flow.encode(x);
  EXPECT_EQ(flow.layers()->layers().size(), 7);
  EXPECT_EQ(flow.latents()[1].shape, (Shape{8, 2, 2}));
  EXPECT_EQ(flow.latents()[2].offset, 96);
  EXPECT_TRUE(at::allclose(flow.decode(z), x, 0, 1e-10));
}

TEST(FactorOut, IsRefusedInTheNoiseOfADequantizer) {
  EXPECT_EQ(message_of([] {
              double_flow(
                  "[{type: dequantize, noise: [{type: repeat, times: 1, body: [{type: "
                  "factor_out}]}, {type: sigmoid}]}]",
                  {2, 2, 2});
            }),
            "layers:1:2: flow[0] (dequantize): layers:1:61: flow[0].noise[0].body[0] (factor_out): "
            "ends a part of the latents, which the noise of a dequantizer and the body of an "
            "inverse do not have");
}

TEST(Flow, TakesItsLogDensityApart) {
  Flow flow = double_flow(
      "[{type: squeeze}, {type: actnorm}, {type: factor_out, prior: learned}, {type: inv_conv}, "
      "{type: prior, learned: true, classifier_weight: 2}]",
      {1, 4, 4}, 3);
  Tensor x = randn({5, 1, 4, 4});
  Pass pass{.labels = at::arange(5) % 3};
  flow.initialise(x, pass);
  perturb(flow);
  LogProb parts = flow.log_prob_parts(x, pass);
  Tensor z = flow.encode(x, pass);
  ASSERT_EQ(parts.base.size(), 2);
  for (size_t i = 0; i < 2; ++i) {
    Segment segment = flow.latents()[i];
    Tensor part = z.narrow(1, segment.offset, numel(segment.shape));
    EXPECT_TRUE(at::allclose(parts.base[i], standard_normal_log_prob(part), 0, 1e-10)) << i;
  }
  EXPECT_EQ(parts.auxiliary.at("class").sizes(), (std::vector<int64_t>{5}));
  EXPECT_TRUE(at::equal(parts.log_det + parts.base[0] + parts.base[1], flow.log_prob(x, pass)));
}

TEST(Flow, OfLayersThatKeepVolumesHasALogDetOfZeros) {
  LogProb parts = double_flow("[{type: reverse}]", {3}).log_prob_parts(randn({4, 3}));
  EXPECT_TRUE(at::equal(parts.log_det, at::zeros({4}, at::kDouble)));
}

TEST(Flow, RefusesLatentsOfAnotherSize) {
  EXPECT_EQ(message_of([] { double_flow("[{type: reverse}]", {3}).decode(randn({4, 2})); }),
            "decode: expected latents of shape [B]+[3], got [4, 2]");
}

TEST(Transform, TakesBackExactlyTheEndedParts) {
  Flow flow = double_flow("[{type: factor_out}]", {4});
  EXPECT_EQ(message_of([&] { flow.layers()->inverse(randn({1, 2})); }),
            "flow.inverse: ends 1 parts of the latents, got 0");
  std::vector<Tensor> wrong{randn({1, 3})};
  EXPECT_EQ(message_of([&] { flow.layers()->inverse(randn({1, 2}), {}, wrong); }),
            "flow.inverse: expected ended part of shape [B]+[2], got [1, 3]");
}

TEST(Flow, NamesTheSegmentsOfItsLatents) {
  Flow flow = double_flow(
      "[{type: squeeze}, {type: factor_out}, {type: squeeze}, {type: factor_out}, {type: flatten}]",
      {2, 4, 4});
  std::vector<Segment> segments = flow.latents();
  ASSERT_EQ(segments.size(), 3);
  EXPECT_EQ(segments[0].shape, (Shape{4, 2, 2}));
  EXPECT_EQ(segments[1].shape, (Shape{8, 1, 1}));
  EXPECT_EQ(segments[2].shape, (Shape{8}));
  EXPECT_EQ(segments[2].offset, 24);
  EXPECT_EQ(segments[2].level, 2);
}

TEST(Affine, ReadsEachFormInItsOwnLayout) {
  Tensor x = at::ones({1, 2}, at::kDouble),
         raw = at::tensor({1., 2., 3., 4.}, at::kDouble).view({1, 4});
  Site site{.input = {2}, .options = at::kDouble};
  auto value = [&](AffineForm form, const Tensor& r) {
    return make_map(AffineConfig{form}, site)->forward(x, r).value;
  };
  auto row = [](std::vector<double> values) {
    return at::tensor(values, at::kDouble).view({1, -1});
  };
  EXPECT_TRUE(at::allclose(value(AffineForm::kGlow, raw), row({2, 4}) * row({4, 6}).sigmoid()));
  EXPECT_TRUE(at::allclose(value(AffineForm::kExp, raw), row({2, 3}) * row({3, 4}).exp()));
  EXPECT_TRUE(
      at::allclose(value(AffineForm::kRealNvp, raw), row({2, 3}) * row({3, 4}).tanh().exp()));
  EXPECT_TRUE(at::allclose(value(AffineForm::kAdditive, raw.narrow(1, 0, 2)), row({2, 3})));
}

TEST(Coupling, StartsWithGlowsConstantScale) {
  Flow flow = double_flow("[{type: coupling, net: {type: glow_net, hidden: 8}}]", {4, 2, 2});
  Tensor x = randn({3, 4, 2, 2});
  flow.initialise(x);
  Tensor log_det;
  flow.encode(x, {.observer = [&](const Report& report) { log_det = report.log_det; }});
  EXPECT_NEAR(log_det[0].item<double>(), -0.126928011042972 * 8, 1e-12);
}

TEST(BatchNorm, FollowsTheBatchOnlyWhereATrainingTakesTheStep) {
  Flow flow = double_flow("[{type: batch_norm}]", {2});
  Tensor x = 2 * randn({100, 2}) + 5;
  Tensor z = flow.encode(x, {.mode = Mode::kTrain});
  EXPECT_TRUE(at::allclose(z.mean(0), at::zeros({2}, at::kDouble), 0, 1e-12));
  EXPECT_EQ(flow.named_buffers()["flow.0_batch_norm.moments.mean"].abs().sum().item<double>(), 0);
  FlatMoments moments(flow, at::kDouble);
  moments.follow(moments.pending(), at::ones({}));
  EXPECT_TRUE(
      at::allclose(flow.named_buffers()["flow.0_batch_norm.moments.mean"], 0.1 * x.mean(0)));
  Tensor before = flow.named_buffers()["flow.0_batch_norm.moments.variance"].clone();
  flow.encode(x);
  EXPECT_TRUE(at::equal(flow.named_buffers()["flow.0_batch_norm.moments.variance"], before));
  flow.initialise(x);
  EXPECT_TRUE(
      at::allclose(flow.named_buffers()["flow.0_batch_norm.moments.variance"], x.var(0, false)));
}

TEST(Dequantize, AUniformModelGivesEightBits) {
  for (at::ScalarType precision : {at::kFloat, at::kDouble}) {
    Flow flow(parse_layers("[{type: dequantize}, {type: logit, alpha: 0}]"),
              {.input = {1, 8, 8}, .options = precision}, Base::kLogistic);
    Tensor x = at::arange(256, precision).view({4, 1, 8, 8});
    SeededNoise noise(1);
    Tensor bits = bits_per_dim(flow.log_prob(x, {.noise = &noise}), 64);
    EXPECT_TRUE(at::allclose(bits, at::full({4}, 8.0, precision), 0,
                             precision == at::kFloat ? 2e-6 : 1e-13))
        << bits;
  }
}

TEST(Dequantize, KeepsTheLeadingBits) {
  Flow flow = double_flow("[{type: dequantize, bits: 5, range: [-0.5, 0.5]}]", {1, 1, 2});
  SeededNoise seeded(1);
  Tape tape(seeded);
  tape.draws["flow.0_dequantize"] = at::full({1, 1, 1, 2}, 0.5, at::kDouble);
  Tensor x = at::tensor({200., 255.}, at::kDouble).view({1, 1, 1, 2});
  Tensor z = flow.noisy_latents(x, {.noise = &tape});
  EXPECT_DOUBLE_EQ(z[0][0].item<double>(), 0.296875);
  EXPECT_TRUE(at::equal(flow.decode(z), at::tensor({200., 248.}, at::kDouble).view({1, 1, 1, 2})));
}

TEST(Dequantize, RecordedNoiseReproducesIt) {
  for (const char* noise : {"", ", noise: [{type: inv_conv}, {type: sigmoid}]"}) {
    Flow flow = double_flow(std::string("[{type: dequantize, bits: 3, data_bits: 3") + noise + "}]",
                            {2, 2, 2});
    Tensor x = at::arange(32, at::kDouble).remainder(8).view({4, 2, 2, 2});
    SeededNoise seeded(5), other(6);
    Tape tape(seeded);
    Tensor first = flow.log_prob(x, {.noise = &tape});
    EXPECT_TRUE(at::equal(flow.log_prob(x, {.noise = &tape}), first));
    EXPECT_FALSE(at::equal(flow.log_prob(x, {.noise = &other}), first));
    EXPECT_TRUE(at::equal(flow.decode(flow.noisy_latents(x, {.noise = &other})), x));
    EXPECT_TRUE(tape.draws.contains("flow.0_dequantize"));
    EXPECT_EQ(message_of([&] { flow.log_prob(x); }),
              "flow.0_dequantize: draws noise, but this pass has none (Pass::noise)");
  }
}

TEST(Dequantize, EncodesTheMiddleOfEachBinWithoutNoise) {
  for (const char* noise : {"", ", noise: [{type: actnorm}, {type: sigmoid}]"}) {
    Flow flow = double_flow(std::string("[{type: dequantize, bits: 5") + noise + "}]", {1, 1, 2});
    Tensor x = at::tensor({200., 255.}, at::kDouble).view({1, 1, 1, 2});
    EXPECT_TRUE(at::equal(flow.encode(x) * 32, at::tensor({25.5, 31.5}, at::kDouble).view({1, 2})))
        << noise;
  }
}

TEST(Dequantize, AFlowOfSigmoidNoiseCostsWhatItsEntropySays) {
  Flow flow = double_flow("[{type: dequantize, noise: [{type: sigmoid}]}]", {1, 8, 8});
  SeededNoise noise(4);
  Tensor x = at::zeros({20000, 1, 8, 8}, at::kDouble), log_det;
  flow.log_prob(
      x, {.noise = &noise, .observer = [&](const Report& report) { log_det = report.log_det; }});
  double nats = (-log_det.mean() / 64).item<double>() - std::log(256.0);
  EXPECT_NEAR(nats / std::log(2.0), 0.278700, 2e-3);
}

TEST(Dequantize, NoiseMayBeConditionedOnTheImage) {
  Flow flow = double_flow(
      "[{type: dequantize, features: {split: columns, channels: 3, net: {type: glow_net, hidden: "
      "16}}, noise: [{type: "
      "coupling, split: columns, context: features, net: {type: glow_net, hidden: 16}}, {type: "
      "sigmoid}]}]",
      {1, 2, 4});
  Tensor x = at::arange(16, at::kDouble).mul(16).view({2, 1, 2, 4});
  SeededNoise noise(4);
  flow.initialise(x, {.noise = &noise});
  perturb(flow);
  Tensor one = flow.noisy_latents(x, {.noise = &noise}) * 256 - x.flatten(1);
  Tensor two = flow.noisy_latents(x.flip(3), {.noise = &noise}) * 256 - x.flip(3).flatten(1);
  EXPECT_FALSE(at::allclose(one, two));
  EXPECT_TRUE(at::logical_and(one >= 0, one < 1).all().item<bool>());
}

TEST(Context, ReachesOnlyTheLayersThatAskForIt) {
  const std::string layer = "[{type: coupling, net: {type: mlp, hidden: 4}, context: ";
  Site site{.input = {2}, .features = {3}, .options = at::kDouble};
  Flow with(parse_layers(layer + "features}]"), site),
      without(parse_layers(layer + "none}]"), site);
  Tensor x = randn({5, 2}), features = randn({5, 3}, 4);
  perturb(with);
  perturb(without);
  EXPECT_FALSE(at::equal(with.encode(x, {.features = features}),
                         with.encode(x, {.features = features + 1})));
  EXPECT_TRUE(at::equal(without.encode(x, {.features = features}), without.encode(x)));
  EXPECT_EQ(message_of([&] { with.encode(x); }),
            "flow.0_coupling.net: this pass needs features of shape [B]+[3]");
}

TEST(Prior, ReportsItsClassifiersLossApart) {
  Flow flow = double_flow("[{type: prior, learned: true, classes: true, classifier_weight: 0.5}]",
                          {2, 2, 2}, 4);
  Tensor x = randn({2, 2, 2, 2});
  LogProb parts = flow.log_prob_parts(x, {.labels = at::tensor({0, 3}, at::kLong)});
  EXPECT_TRUE(at::equal(parts.sum(), standard_normal_log_prob(x)));  // the prior starts at N(0, 1)
  ASSERT_EQ(parts.auxiliary.size(), 1);
  EXPECT_TRUE(
      at::allclose(parts.auxiliary.at("class"), at::full({2}, 0.5 * std::log(4.0), at::kDouble)));
  EXPECT_NE(message_of([&] { flow.log_prob(x); }), "");
}

TEST(Prior, WithAClassifierTrainsOnlyOnLabels) {
  Flow flow = double_flow("[{type: prior, classifier_weight: 0.5}]", {2, 2, 2}, 4);
  Tensor x = randn({2, 2, 2, 2});
  EXPECT_TRUE(flow.log_prob_parts(x).auxiliary.empty());
  EXPECT_EQ(message_of([&] { flow.log_prob(x, {.mode = Mode::kTrain}); }),
            "flow.0_prior: its classifier needs labels, but this pass has none (Pass::labels)");
}

TEST(Linear, HasTheDeterminantOfTheTutorialsExample) {
  Flow flow = double_flow("[{type: linear, form: tril_plus_low_rank, rank: 2}]", {2});
  at::NoGradGuard no_grad;
  auto set = [&](const char* name, std::vector<double> values) {
    Tensor p = flow.named_parameters()[std::string("flow.0_linear.") + name];
    p.copy_(at::tensor(values, at::kDouble).view(p.sizes()));
  };
  set("lower", {.5, -.3, 1.2});
  set("v", {.2, .1, -.4, .6});
  set("bias", {0, 0});
  Tensor log_det;
  flow.encode(randn({3, 2}), {.observer = [&](const Report& report) { log_det = report.log_det; }});
  EXPECT_NEAR(-log_det[1].item<double>(), -0.0623010261973794, 1e-14);
}

TEST(Builder, LooksNoFurtherBehindABodyWhoseShapeIsUnknown) {
  EXPECT_EQ(message_of([] {
              double_flow("[{type: repeat, times: 1, body: [{type: squeeze}]}, {type: squeeze}]",
                          {1, 3, 4});
            }),
            "layers:1:34: flow[0].body[0] (squeeze): needs an image of even height and width, got "
            "[1, 3, 4]");
}

TEST(Builder, NamesEveryLayerThatCannotBeBuilt) {
  EXPECT_EQ(
      message_of([] {
        double_flow(
            "[{type: coupling, net: {type: mlp}}, {type: scale, factor: 0}, {type: squeeze}]",
            {1, 3, 4});
      }),
      "layers:1:2: flow[0] (coupling): split: a channel split needs at least two channels, got [1, "
      "3, 4]\n"
      "layers:1:38: flow[1] (scale): factor: 0 has no inverse\n"
      "layers:1:64: flow[2] (squeeze): needs an image of even height and width, got [1, 3, 4]");
}

}  // namespace
}  // namespace diffeo
