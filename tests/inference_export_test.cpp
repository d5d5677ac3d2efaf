// Flows as TorchScript: every family, at any batch size, against the flow itself.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <functional>
#include <map>
#include <sstream>

#include "config/configured_flow.h"
#include "inference/torchscript.h"
#include "io_support.h"

namespace diffeo {
namespace {

using Overrides = std::vector<std::string>;

// A shipped flow, started on random data and perturbed, for as they start couplings do nothing.
std::shared_ptr<Flow> perturbed(const Config& config, at::ScalarType precision) {
  at::NoGradGuard no_grad;
  std::shared_ptr<Flow> flow = build_flow(config, precision);
  SeededNoise noise(2);
  at::TensorOptions options(precision);
  Tensor x = noise.uniform("x", at::empty(batched(16, flow->shape()), options));
  if (data_is_image(config.data)) x = (x * 256).floor();
  Pass pass{.noise = &noise};
  if (data_classes(config.data) > 0)
    pass.labels = at::arange(16).remainder(data_classes(config.data));
  auto columns = static_cast<int64_t>(data_context(config.data).size());
  if (columns > 0) pass.features = noise.uniform("context", at::empty({16, columns}, options));
  flow->initialise(x, pass);
  int64_t number = 0;
  for (Tensor& p : flow->parameters())
    p.add_(noise.normal("perturb" + std::to_string(number++), p), 0.02);
  return flow;
}

FlowInputs inputs_of(const Config& config) {
  return {samples_by_class(config.flow) ? data_classes(config.data) : 0,
          static_cast<int64_t>(data_context(config.data).size())};
}

Config small(const std::string& name, const Overrides& overrides) {
  return read_config(DIFFEO_SOURCE "/configs/" + name + ".yaml", overrides);
}

TEST(Export, IsTheFlowItselfForEveryFamilyAtAnyBatchSize) {
  Overrides few{"flow.**.filters=4", "flow.**.blocks=1", "flow.**.components=2", "flow.**.times=1"};
  const std::map<std::string, Overrides> families{
      {"cifar10/realnvp", {"flow.**.hidden=4", "flow.**.blocks=1"}},
      {"cifar10/glow", {"flow.**.hidden=4", "flow.**.times=2"}},
      {"cifar10/glow_conditional", {"flow.**.hidden=4", "flow.**.times=1"}},
      {"cifar10/nice", {"flow.**.hidden=4"}},
      {"photos32/flowpp_small", few},
      {"toy/two_moons", {}},
      {"toy/spline/two_moons", {}},
      {"tabular/nsf_coupling", {"flow.**.hidden=8"}},
      {"tabular/nsf_autoregressive", {"flow.**.hidden=8", "flow.**.times=2"}},
      {"tabular/maf_mog", {"flow.**.hidden=8", "flow.**.times=1"}},
      {"tabular/measures", {}},
      {"tutorial/as_published", {}},
      {"tutorial/mixture", {}}};
  for (const auto& [name, overrides] : families) {
    Config config = small(name, overrides);
    bool by_search = name.find("mixture") != name.npos || name.find("flowpp") != name.npos ||
                     name.find("mog") != name.npos;
    for (at::ScalarType precision : {at::kFloat, at::kDouble}) {
      if (precision == at::kDouble && by_search) continue;  // takes long, and is alike
      std::shared_ptr<Flow> flow = perturbed(config, precision);
      TorchScript script = torchscript_of(*flow, inputs_of(config));
      EXPECT_LT(script.largest_difference, precision == at::kFloat ? 1e-5 : 1e-12) << name;
      EXPECT_EQ(script.signatures.size(), 3u);
    }
  }
}

Config plane(const std::string& layers) {
  return parse_config("data: {source: synthetic, density: gaussian}\nflow:\n" + layers);
}

// The gradient of log p by x.
Tensor slope_of(const std::function<Tensor(const Tensor&)>& log_prob, const Tensor& x) {
  Tensor leaf = x.detach().clone().requires_grad_();
  return torch::autograd::grad({log_prob(leaf).sum()}, {leaf})[0];
}

TEST(Export, HasTheFlowsGradientForEveryKindOfLayer) {
  torch::jit::GraphOptimizerEnabledGuard unoptimised(false);  // for a few calls not worth it
  const char* net = "net: {hidden: 8, activation: tanh}}";
  auto inverse = [&](const std::string& map) {
    return joined("- {type: inverse, body: [{type: autoregressive, map: ", map, ", ", net, "]}");
  };
  auto forward = [&](const std::string& map) {
    return joined("- {type: autoregressive, map: ", map, ", ", net);
  };
  for (const std::string& layers :
       {std::string(
            "- {type: qr}\n- {type: svd}\n- {type: householder}\n- {type: lu_linear}\n- {type: "
            "linear}\n- {type: linear, form: tril_plus_low_rank}\n- {type: inv_conv}\n- {type: "
            "inv_conv, form: lu}\n- {type: batch_norm}\n- {type: prelu}\n- {type: shuffle}"),
        forward("{type: affine, form: maf}"), forward("{type: rational_quadratic, bins: 4}"),
        forward("{type: logistic_mixture, components: 2}"),
        forward("{type: gaussian_mixture, components: 2}"), inverse("{type: affine, form: iaf}"),
        inverse("{type: rational_quadratic, bins: 4}"),
        inverse("{type: logistic_mixture, components: 2}"),
        inverse("{type: gaussian_mixture, components: 2}")}) {
    std::shared_ptr<Flow> flow = perturbed(plane(layers), at::kDouble);
    TorchScript script = torchscript_of(*flow, {});
    EXPECT_LT(script.largest_difference, 1e-10) << layers;
    std::istringstream file(script.bytes);
    torch::jit::Module module = torch::jit::load(file);
    for (int64_t count : {1, 3, 64}) {
      Tensor x = SeededNoise(6).normal("x", at::empty({count, 2}, at::kDouble));
      auto ours = [&](const Tensor& leaf) { return flow->log_prob(leaf); };
      auto theirs = [&](const Tensor& leaf) {
        return module.get_method("log_prob")({leaf}).toTensor();
      };
      EXPECT_TRUE(at::allclose(theirs(x), ours(x), 1e-9, 1e-9)) << layers;
      if (count != 3) continue;
      Tensor expected = slope_of(ours, x), found = slope_of(theirs, x);
      EXPECT_TRUE(at::allclose(found, expected, 1e-7, 1e-7))
          << layers << "\n"
          << (found - expected).abs().max().item<double>();
    }
  }
}

TEST(Export, TakesAFlowWithSamplesThatAreNotFinite) {
  std::shared_ptr<Flow> flow = perturbed(plane("- {type: sigmoid}"), at::kDouble);
  Tensor z = at::tensor({-1.0, 0.5}, at::kDouble).view({1, 2});
  ASSERT_FALSE(flow->decode(z).isfinite().all().item<bool>());
  TorchScript script = torchscript_of(*flow, {});
  EXPECT_LT(script.largest_difference, 1e-12);
  std::istringstream file(script.bytes);
  Tensor x = torch::jit::load(file).get_method("decode")({z}).toTensor();
  EXPECT_EQ(x[0][1].item<double>(), 0);
}

// The module of a Glow that depends on classes, and the flow.
class ExportedGlow : public testing::Test {
 protected:
  ExportedGlow()
      : config_(
            small("cifar10/glow_conditional", {"flow.**.hidden=4", "flow.**.times=1",
                                               "flow[0]={type: dequantize, range: [-0.5, 0.5]}"})),
        flow_(perturbed(config_, at::kDouble)),
        script_(torchscript_of(*flow_, inputs_of(config_))) {
    std::istringstream file(script_.bytes);
    module_ = torch::jit::load(file);
  }

  Config config_;
  std::shared_ptr<Flow> flow_;
  TorchScript script_;
  torch::jit::Module module_;
};

TEST_F(ExportedGlow, SaysHowItIsCalled) {
  EXPECT_EQ(script_.signatures[0],
            "log_prob(x [B, 3, 32, 32], u [B, 3, 32, 32] uniform in [0, 1), labels [B] int64 below "
            "10) -> [B]");
  EXPECT_EQ(script_.signatures[2],
            "decode(z [B, 3072], labels [B] int64 below 10) -> [B, 3, 32, "
            "32]");
}

TEST_F(ExportedGlow, TakesTheNoiseThatTheFlowWouldDraw) {
  at::NoGradGuard no_grad;
  SeededNoise noise(7);
  Tensor x = (noise.uniform("x", at::empty({5, 3, 32, 32}, at::kDouble)) * 256).floor();
  Tensor labels = at::tensor({3, 1, 4, 1, 5}, at::kLong);
  // The noise has the name of the layer that draws it.
  Tensor u = noise.uniform("flow.0_dequantize", x);
  Tensor expected = flow_->log_prob(x, Pass{.labels = labels, .noise = &noise});
  Tensor found = module_.get_method("log_prob")({x, u, labels}).toTensor();
  EXPECT_TRUE(at::allclose(found, expected, 1e-10));
  Tensor z = module_.get_method("encode")({x, u, labels}).toTensor();
  EXPECT_TRUE(at::equal(module_.get_method("decode")({z, labels}).toTensor(), x));
}

TEST_F(ExportedGlow, HasTheGradientByItsInput) {
  Tensor x = at::full({2, 3, 32, 32}, 100.0, at::kDouble);
  x += at::arange(x.numel(), at::kDouble).view_as(x).remainder(50);
  Tensor u = at::full_like(x, 0.25), labels = at::tensor({0, 9}, at::kLong);
  x.requires_grad_();
  Tensor log_prob = module_.get_method("log_prob")({x, u, labels}).toTensor();
  log_prob.sum().backward();
  Tensor gradient = x.grad()[1][2][3][4];
  double step = 1e-4;
  auto at_step = [&](double sign) {
    at::NoGradGuard no_grad;
    Tensor moved = x.detach().clone();
    moved[1][2][3][4] += sign * step;
    return module_.get_method("log_prob")({moved, u, labels}).toTensor()[1].item<double>();
  };
  double slope = (at_step(1) - at_step(-1)) / (2 * step);
  EXPECT_NEAR(gradient.item<double>(), slope, 1e-4 * std::abs(slope) + 1e-8);
}

}  // namespace
}  // namespace diffeo
