#include <ATen/ATen.h>

#include <regex>

#include "commands/layer_check.h"
#include "program.h"
#include "transforms/sequence.h"

namespace diffeo {
namespace {

using CommandCheck = Commands;

TEST_F(CommandCheck, PassesEveryLayerThatIsRight) {
  write("c.yaml", R"(
data: {source: npy, path: nowhere.npy, test_fraction: 0.1, shape: [1, 4, 4], labels: l.npy, classes: 3}
flow:
  - type: dequantize
    features: {split: checkerboard, channels: 3, net: {type: glow_net, hidden: 4}}
    noise:
      - {type: coupling, split: checkerboard, context: features, net: {type: glow_net, hidden: 4}}
      - {type: sigmoid}
  - {type: logit}
  - {type: squeeze}
  - {type: coupling, context: class, net: {type: glow_net, hidden: 4}}
  - {type: factor_out, prior: class}
  - {type: prior, classes: true}
)");
  Answer answer = diffeo({"check", "c.yaml", "--json"});
  EXPECT_EQ(answer.exit, 0) << answer.err << answer.out;
  nlohmann::json layers = answer.json().at("layers");
  ASSERT_EQ(layers.size(), 8u);
  for (const auto& layer : layers) {
    EXPECT_EQ(layer.at("verdict"), "pass") << layer;
    EXPECT_LT(layer.at("round_trip_error"), 1e-9) << layer;
    EXPECT_LT(layer.at("log_det_error"), 1e-9) << layer;
    bool is_after = layer.at("path") == "flow.5_prior";
    EXPECT_EQ(layer.at("dimensions"), is_after ? 8 : 16) << layer;
  }
}

// The shift leaves few digits of what comes before it.
TEST_F(CommandCheck, TellsHowFarRebuiltInputsDrift) {
  write("c.yaml", R"(
data: {source: synthetic, density: rings}
flow: [{type: actnorm}, {type: scale, factor: 1, shift: 30000}, {type: scale, factor: 1, shift: -30000},
       {type: coupling, net: {type: mlp, hidden: 4}}]
)");
  Answer text = diffeo({"check", "c.yaml"});
  EXPECT_TRUE(std::regex_search(
      text.out,
      std::regex(
          "train.memory: invert would rebuild the inputs of 3 layers, the worst of "
          "flow.1_scale, off by [0-9.e-]+ at most of its largest number\n"
          "  and keep that of flow.1_scale, for the bound is 0.0001\n4 of 4 layers pass\n$")))
      << text.out << text.err;
  nlohmann::json drift = diffeo({"check", "c.yaml", "--json"}).json().at("drift");
  EXPECT_EQ(drift.at("bound"), 1e-4);
  ASSERT_EQ(drift.at("layers").size(), 3u);
  EXPECT_EQ(drift.at("layers").at(2).at("path"), "flow.1_scale");
  EXPECT_LT(drift.at("layers").at(0).at("error"), 1e-6);
}

TEST_F(CommandCheck, CountsTheEvaluationsOfAnInverseThatSearches) {
  write("c.yaml", R"(
data: {source: synthetic, density: rings}
flow: [{type: coupling, map: {type: logistic_mixture, components: 2}, net: {type: mlp, hidden: 4}}, {type: reverse}]
)");
  Answer text = diffeo({"check", "c.yaml"});
  EXPECT_TRUE(std::regex_search(
      text.out, std::regex("\ninverse by search  evaluations an element  worst\n"
                           "flow.0_coupling +[0-9.]+ +[0-9]+\n\n"
                           "train.memory: invert would rebuild the inputs of 1 layer, the worst of "
                           "flow.1_reverse, off by 0.0e\\+00 at most of its largest number\n"
                           "2 of 2 layers pass\n")))
      << text.out;
  nlohmann::json layers = diffeo({"check", "c.yaml", "--json"}).json().at("layers");
  nlohmann::json effort = layers.at(0).at("inverse_evaluations");
  EXPECT_GE(effort.at("mean"), 1);
  EXPECT_LE(effort.at("mean"), effort.at("worst"));
  EXPECT_EQ(layers.at(1).at("inverse_evaluations"), nullptr);
}

TEST_F(CommandCheck, TakesALayerThatIsNotCheckedForNoPass) {
  write("c.yaml",
        "data: {source: npy, path: a.npy, test_fraction: 0.1, shape: [600]}\nflow: [{type: "
        "reverse}]\n");
  Answer without = diffeo({"check", "c.yaml"});
  EXPECT_EQ(without.exit, 1);
  EXPECT_TRUE(std::regex_match(
      without.err,
      std::regex("1 of 1 layers are not checked: the Jacobians of layers with more than 512 "
                 "dimensions take about [^,]+, by --jacobian\n")))
      << without.err;
  EXPECT_NE(without.out.find("flow.0_reverse  not checked         600     0.0e+00  not checked"),
            std::string::npos)
      << without.out;
  Answer with = diffeo({"check", "c.yaml", "--jacobian"});
  EXPECT_EQ(with.exit, 0);
  EXPECT_TRUE(with.err.starts_with("Jacobians of 1 layers with more than 512 dimensions: about "))
      << with.err;
  EXPECT_TRUE(with.out.ends_with("\n1 of 1 layers pass\n")) << with.out;
}

TEST_F(CommandCheck, FailsALayerWhoseInverseIsLost) {
  write("c.yaml",
        "data: {source: synthetic, density: rings}\nflow: [{type: scale, factor: 100}, {type: "
        "sigmoid}]\n");
  Answer answer = diffeo({"check", "c.yaml"});
  EXPECT_EQ(answer.exit, 1);
  EXPECT_EQ(answer.err, "1 of 2 layers fail: an error is above 1.0e-06\n");
  EXPECT_NE(answer.out.find("flow.1_sigmoid  fail "), std::string::npos) << answer.out;
}

// y = 2 x, said to stretch by e^log_det, and undone by dividing by `divisor`.
class Doubling final : public Transform {
 public:
  Doubling(const Site& site, double log_det, double divisor, bool draws)
      : Transform("doubling", site, site.input),
        log_det_(log_det),
        divisor_(divisor),
        draws_(draws) {}

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override {
    Tensor noise = draws_ ? pass.normal(path(), x) : zero_log_det(x).unsqueeze(1).expand_as(x);
    return {2 * x + noise, zero_log_det(x) + log_det_};
  }
  Tensor do_inverse(const Tensor& z, const Pass&) override { return z / divisor_; }

  double log_det_, divisor_;
  bool draws_;
};

LayerVerdict verdict_on(double log_det, double divisor, bool draws = false) {
  Site site{.input = {3}, .path = "flow.0_doubling"};
  SeededNoise noise(1);
  Sequence flow(Site{.input = {3}}, {std::make_shared<Doubling>(site, log_det, divisor, draws)});
  LayerCheck check(flow, noise.normal("x", at::empty({2, 3}, at::kDouble)), {.noise = &noise});
  EXPECT_EQ(check.large_layers(), 0);
  return check.verdicts(false).at(0);
}

TEST(LayerCheck, JudgesTheInverseAndTheLogDet) {
  double right = 3 * std::log(2.0);
  EXPECT_EQ(verdict_on(right, 2).verdict(), Verdict::kPass);
  EXPECT_EQ(verdict_on(right, 2.001).verdict(), Verdict::kFail);
  EXPECT_EQ(verdict_on(right + 1e-4, 2).verdict(), Verdict::kFail);
  EXPECT_NEAR(*verdict_on(right + 1e-2, 2).log_det, 1e-2 / right, 1e-9);
}

TEST(LayerCheck, FailsWhatIsNotFinite) {
  EXPECT_EQ(verdict_on(NAN, 2).verdict(), Verdict::kFail);
  EXPECT_EQ(verdict_on(3 * std::log(2.0), 0).verdict(), Verdict::kFail);
}

// Its output has slope 1 in the noise, so log_det must be -log p(noise): a constant cannot be that.
TEST(LayerCheck, JudgesADrawByTheDensityOfItsNoise) {
  LayerVerdict verdict = verdict_on(0, 2, /*draws=*/true);
  ASSERT_TRUE(verdict.log_det.has_value());
  EXPECT_GT(*verdict.log_det, 0.1);
}

}  // namespace
}  // namespace diffeo
