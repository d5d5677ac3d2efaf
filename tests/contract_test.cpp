// What every transform must keep, judged from one table.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>
#include <torch/utils.h>

#include <map>

#include "config/config.h"
#include "flow/flow.h"
#include "flow/frugal_pass.h"

namespace diffeo {
namespace {

struct Case {
  const char* name;
  const char* layers;
  Shape shape;
  bool unit_interval = false;  // draws examples from (0, 1)
  Shape features = {};
  int64_t classes = 0;
  std::vector<const char*> inert =
      {};  // parameters, by the end of their name, whose gradient is zero everywhere
  std::vector<const char*> partial = {};  // and those of which some elements are inert
};

const Case kCases[] = {
    {"actnorm_image", "[{type: actnorm}]", {3, 2, 2}},
    {"actnorm_vector", "[{type: actnorm}]", {5}},
    {"actnorm_per_position", "[{type: actnorm, per: position}]", {3, 2, 2}},
    {"autoregressive_softplus",
     "[{type: autoregressive, map: {type: affine, form: softplus}, net: {hidden: 8}}]",
     {4},
     false,
     {},
     0,
     {},
     {".weight"}},
    {"autoregressive_maf_reversed",
     "[{type: autoregressive, order: reversed, map: {type: affine, form: maf}, net: {hidden: 8, "
     "activation: tanh}}]",
     {4},
     false,
     {},
     0,
     {},
     {".weight"}},
    {"autoregressive_residual_context",
     "[{type: autoregressive, places: [2, 0, 1], context: features, map: {type: affine, form: "
     "zuko}, "
     "net: {hidden: 8, blocks: residual, activation: elu}}]",
     {3},
     false,
     {2},
     0,
     {},
     {"first.weight", "block0_first.weight", "block0_second.weight", "block1_first.weight",
      "block1_second.weight", "last.weight"}},
    {"autoregressive_spline_class",
     "[{type: autoregressive, order: reversed, context: class, map: {type: rational_quadratic, "
     "bins: "
     "3, bound: 6}, net: {hidden: 8}}]",
     {4},
     false,
     {},
     3,
     {},
     {".weight"}},
    {"autoregressive_two_passes",
     "[{type: autoregressive, passes: 2, map: {type: logistic_mixture, components: 2}, net: "
     "{hidden: "
     "6}}]",
     {5},
     false,
     {},
     0,
     {},
     {"first.weight", "last.weight"}},
    {"autoregressive_gaussian_mixture",
     "[{type: autoregressive, map: {type: gaussian_mixture, components: 3}, net: {hidden: 8, "
     "activation: tanh}}]",
     {3},
     false,
     {},
     0,
     {},
     {".weight"}},
    {"autoregressive_one_coordinate",
     "[{type: autoregressive, map: {type: logistic_mixture, components: 2}, net: {hidden: 4, "
     "activation: tanh}}]",
     {1},
     false,
     {},
     0,
     {"first.weight"}},
    {"batch_norm_image", "[{type: batch_norm}]", {3, 2, 2}},
    {"batch_norm_vector", "[{type: batch_norm}]", {4}},
    {"coupling_additive",
     "[{type: coupling, map: {type: affine, form: additive}, net: {type: mlp, hidden: 8}}]",
     {5}},
    {"coupling_exp",
     "[{type: coupling, map: {type: affine, form: exp}, net: {type: mlp, hidden: 8}}]",
     {4}},
    {"coupling_realnvp",
     "[{type: coupling, map: {type: affine, form: realnvp}, net: {type: mlp, hidden: 8}}]",
     {4}},
    {"coupling_glow_net", "[{type: coupling, net: {type: glow_net, hidden: 8}}]", {4, 2, 3}},
    {"coupling_glow_net_one_pixel",
     "[{type: coupling, net: {type: glow_net, hidden: 8}}]",
     {4, 1, 1},
     false,
     {},
     0,
     {},
     {"first.weight", "last.conv.weight"}},
    {"coupling_keeps_second",
     "[{type: coupling, keep: second, net: {type: glow_net, hidden: 8}}]",
     {3, 2, 2}},
    {"coupling_checkerboard",
     "[{type: coupling, split: checkerboard, net: {type: glow_net, hidden: 8}}]",
     {1, 4, 4}},
    {"coupling_checkerboard_second",
     "[{type: coupling, split: checkerboard, keep: second, net: {type: glow_net, hidden: 8}}]",
     {2, 3, 4}},
    {"coupling_columns",
     "[{type: coupling, split: columns, keep: second, net: {type: glow_net, hidden: 8}}]",
     {2, 3, 4}},
    {"coupling_resnet",
     "[{type: coupling, batch_norm: true, map: {type: affine, form: realnvp}, net: {type: resnet, "
     "hidden: 4, blocks: "
     "2}}]",
     {4, 2, 2}},
    {"coupling_resnet_plain",
     "[{type: coupling, map: {type: affine, form: realnvp}, net: {type: resnet, hidden: 4, blocks: "
     "1, batch_norm: "
     "false}}]",
     {4, 2, 2}},
    {"coupling_features",
     "[{type: coupling, context: features, net: {type: mlp, hidden: 8}}]",
     {4},
     false,
     {3}},
    {"coupling_class",
     "[{type: coupling, context: class, net: {type: glow_net, hidden: 8}}]",
     {4, 2, 2},
     false,
     {},
     3},
    {"coupling_flowpp_affine",
     "[{type: coupling, split: columns, map: {type: affine, form: flowpp}, net: {type: "
     "gated_attention_net, filters: "
     "4, blocks: 1, heads: 2}}]",
     {2, 2, 4}},
    {"coupling_mixture",
     "[{type: coupling, map: {type: logistic_mixture, components: 3}, net: {type: mlp, hidden: "
     "8}}]",
     {4}},
    {"coupling_mixture_image",
     "[{type: coupling, split: columns, map: {type: logistic_mixture, components: 2}, net: {type: "
     "gated_attention_net, "
     "filters: 4, blocks: 2, heads: 2, last_elu: true, weight_norm: true}}]",
     {2, 2, 4}},
    {"coupling_without_attention",
     "[{type: coupling, map: {type: logistic_mixture, components: 2}, net: {type: "
     "gated_attention_net, filters: 4, "
     "blocks: 1, attention: none}}]",
     {4, 2, 3},
     false,
     {},
     0,
     {"blocks.positions"}},
    {"coupling_max_attention",
     "[{type: coupling, context: features, net: {type: gated_attention_net, filters: 4, blocks: 1, "
     "attention: max}}]",
     {4, 2, 2},
     false,
     {3, 2, 2}},
    {"coupling_gated_conv_net",
     "[{type: coupling, net: {type: gated_conv_net, blocks: 1, layer_norm: true, attention: full, "
     "heads: 2}}]",
     {4, 2, 3}},
    {"coupling_spline",
     "[{type: coupling, map: {type: rational_quadratic, bins: 4, bound: 6}, net: {type: "
     "residual_net, hidden: 8}}]",
     {4}},
    {"coupling_spline_tabular",
     "[{type: coupling, split: even_odd, keep: second, context: features, map: {type: "
     "rational_quadratic, bins: 4, bound: 6}, kept_map: {type: rational_quadratic, bins: 3, bound: "
     "6}, net: {type: residual_net, hidden: 8}}]",
     {5},
     false,
     {2}},
    {"coupling_spline_image",
     "[{type: coupling, map: {type: rational_quadratic, bins: 3, bound: 6, form: zuko}, net: "
     "{type: "
     "residual_net, hidden: 4, blocks: 1}}]",
     {4, 2, 3}},
    {"coupling_even_odd",
     "[{type: coupling, split: even_odd, map: {type: affine, form: nflows}, net: {type: mlp, "
     "hidden: "
     "8}}]",
     {5}},
    {"coupling_glow_inverse",
     "[{type: coupling, map: {type: affine, form: glow_inverse}, net: {type: mlp, hidden: 8}}]",
     {4}},
    {"diagonal", "[{type: diagonal}]", {2, 2, 2}},
    {"elementwise_spline",
     "[{type: elementwise, map: {type: rational_quadratic, bins: 4, bound: 6}}]",
     {3}},
    {"elementwise_box",
     "[{type: elementwise, map: {type: rational_quadratic, bins: 4, ends: box, from: [0, 1], onto: "
     "[-2, 3]}}]",
     {3},
     true},
    {"elementwise_circular",
     "[{type: elementwise, map: {type: rational_quadratic, bins: 4, ends: circular, from: [0, "
     "1]}}]",
     {3},
     true},
    {"elementwise_mixture_image",
     "[{type: elementwise, map: {type: logistic_mixture, components: 3}}]",
     {2, 2, 2}},
    {"elementwise_context",
     "[{type: elementwise, context: features, map: {type: affine, form: exp}, net: {type: mlp, "
     "hidden: 8}}]",
     {1},
     false,
     {2}},
    {"factor_out",
     "[{type: factor_out}, {type: coupling, net: {type: glow_net, hidden: 6}}]",
     {4, 2, 2}},
    {"factor_out_learned", "[{type: factor_out, prior: learned}, {type: actnorm}]", {4, 2, 2}},
    {"factor_out_learned_vector",
     "[{type: factor_out, prior: learned}]",
     {6},
     false,
     {},
     0,
     {},
     {"prior.conv.weight"}},
    {"factor_out_class", "[{type: factor_out, prior: class}]", {4, 2, 2}, false, {}, 3},
    {"flatten", "[{type: flatten}]", {2, 2, 2}},
    {"flip_channel", "[{type: flip}]", {4, 2, 2}},
    {"flip_columns", "[{type: flip, split: columns}]", {2, 2, 4}},
    {"flip_checkerboard", "[{type: flip, split: checkerboard}]", {2, 2, 4}},
    {"glow_step",
     "[{type: squeeze}, {type: repeat, times: 1, body: [{type: actnorm}, {type: inv_conv}, {type: "
     "coupling, net: "
     "{type: glow_net, hidden: 6}}]}, {type: factor_out, prior: learned}, {type: actnorm}, {type: "
     "prior, learned: "
     "true}]",
     {1, 4, 4},
     false,
     {},
     0,
     {"_prior.conv.conv.weight"}},
    {"householder", "[{type: householder, reflections: 3}]", {4}},
    {"householder_image", "[{type: householder, reflections: 2}]", {3, 2, 2}},
    {"inv_conv", "[{type: inv_conv}]", {3, 2, 2}},
    {"inv_conv_vector", "[{type: inv_conv}]", {4}},
    {"inv_conv_lu",
     "[{type: inv_conv, form: lu}]",
     {3, 2, 2},
     false,
     {},
     0,
     {},
     {"mix.l", "mix.u"}},
    {"inv_conv_columns", "[{type: inv_conv, split: columns}]", {3, 2, 4}},
    {"inv_conv_channel_lu",
     "[{type: inv_conv, split: channel, form: lu}]",
     {5, 1, 2},
     false,
     {},
     0,
     {},
     {".l", ".u"}},
    {"inv_conv_near_identity", "[{type: inv_conv, start: near_identity}]", {3, 2, 2}},
    {"inverse_autoregressive",
     "[{type: inverse, body: [{type: autoregressive, map: {type: affine, form: iaf}, net: {hidden: "
     "8}}, {type: reverse}]}]",
     {4},
     false,
     {},
     0,
     {},
     {".weight"}},
    {"inverse_of_others",
     "[{type: inverse, body: [{type: batch_norm}, {type: coupling, net: {type: mlp, hidden: 8}}, "
     "{type: actnorm}]}]",
     {4}},
    {"linear_dense", "[{type: linear}]", {4}},
    {"linear_low_rank", "[{type: linear, form: tril_plus_low_rank, rank: 2}]", {4}},
    {"logit", "[{type: logit}]", {2, 2, 2}, true},
    {"logit_without_margin", "[{type: logit, alpha: 0}]", {3}, true},
    {"lu_linear", "[{type: lu_linear}]", {4}},
    {"lu_linear_image", "[{type: lu_linear}]", {3, 2, 2}},
    {"masked_coupling",
     "[{type: masked_coupling, map: {type: affine, form: exp}, net: {type: glow_net, hidden: 6}}]",
     {2, 2, 4}},
    {"masked_coupling_realnvp",
     "[{type: masked_coupling, keep: odd, batch_norm: true, map: {type: affine, form: realnvp}, "
     "net: {type: resnet, "
     "hidden: 4, blocks: 1}}]",
     {2, 2, 4}},
    {"masked_coupling_class",
     "[{type: masked_coupling, context: class, net: {type: glow_net, hidden: 6}}]",
     {1, 2, 4},
     false,
     {},
     3},
    {"permutation", "[{type: permutation, order: [2, 0, 1]}]", {3, 2, 2}},
    {"prelu", "[{type: prelu}]", {5}},
    {"prior_standard", "[{type: prior}]", {2, 2, 2}},
    {"prior_learned",
     "[{type: prior, learned: true}]",
     {2, 2, 2},
     false,
     {},
     0,
     {"conv.conv.weight"}},
    {"prior_learned_vector",
     "[{type: prior, learned: true}]",
     {3},
     false,
     {},
     0,
     {"conv.conv.weight"}},
    {"prior_class", "[{type: prior, classes: true}]", {2, 2, 2}, false, {}, 3},
    {"qr", "[{type: qr, reflections: 3}]", {4}},
    {"qr_image", "[{type: qr, reflections: 2}]", {3, 2, 2}},
    {"repeat_nothing", "[{type: repeat, times: 0, body: [{type: actnorm}]}]", {3}},
    {"reverse", "[{type: reverse}]", {3, 2, 2}},
    {"scale", "[{type: scale, factor: -2, shift: 0.5}]", {2, 2, 2}},
    {"shuffle", "[{type: shuffle}]", {7}},
    {"sigmoid", "[{type: sigmoid}]", {2, 2, 2}},
    {"squeeze_channel", "[{type: squeeze}]", {2, 4, 6}},
    {"squeeze_space_to_depth", "[{type: squeeze, order: space_to_depth}]", {2, 4, 6}},
    {"squeeze_diagonal", "[{type: squeeze, order: diagonal}]", {2, 4, 6}},
    {"svd", "[{type: svd, reflections: 3}]", {4}},
    {"svd_image", "[{type: svd, reflections: 2}]", {3, 2, 2}},
    {"unsqueeze_channel", "[{type: unsqueeze}]", {8, 1, 2}},
    {"unsqueeze_space_to_depth", "[{type: unsqueeze, order: space_to_depth}]", {8, 1, 2}},
    {"unsqueeze_diagonal", "[{type: unsqueeze, order: diagonal}]", {8, 1, 2}},
};

bool ends_with_any(const std::string& name, const std::vector<const char*>& ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](const char* end) { return name.ends_with(end); });
}

// What goes on and what ended: [B, D].
Tensor whole(const Mapped& out) {
  std::vector<Tensor> parts{out.value.flatten(1)};
  for (const Tensor& part : out.ended) parts.push_back(part.flatten(1));
  return at::cat(parts, 1);
}

class Contract : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { layer_ = built(at::kDouble); }

  TransformPtr built(at::ScalarType precision, uint64_t perturbation = 8,
                     const std::string& in_front = "") {
    const Case& c = GetParam();
    std::string layers = "[" + in_front + (in_front.empty() ? "" : ", ") + (c.layers + 1);
    Site site{.input = c.shape,
              .features = c.features,
              .classes = c.classes,
              .options = precision,
              .seed = perturbation};
    TransformPtr layer = build_layers(parse_layers(layers), site);
    at::NoGradGuard no_grad;
    layer->forward(examples(16).to(precision), pass(16, Mode::kInitialise, precision));
    // Couplings start as the identity, which would make every check below trivial.
    SeededNoise noise(perturbation);
    for (auto& p : layer->named_parameters()) {
      p.value().add_(0.1 * noise.normal(p.key(), at::empty(p.value().sizes(), at::kDouble)));
    }
    return layer;
  }

  Tensor examples(int64_t count, const char* name = "examples") const {
    SeededNoise noise(9);
    Tensor like = at::empty(batched(count, GetParam().shape), at::kDouble);
    return GetParam().unit_interval ? noise.uniform(name, like) * 0.98 + 0.01
                                    : noise.normal(name, like);
  }

  Pass pass(int64_t count, Mode mode = Mode::kEvaluate,
            at::ScalarType precision = at::kDouble) const {
    const Case& c = GetParam();
    Pass pass{.mode = mode};
    if (c.classes > 0) pass.labels = at::arange(count) % c.classes;
    if (!c.features.empty()) {
      pass.features = SeededNoise(10)
                          .normal("features", at::empty(batched(count, c.features), at::kDouble))
                          .to(precision);
    }
    return pass;
  }

  // Of a loss of all that the layer returns in mode train, by its input, its features and its
  // parameters. A layer in front of it: the input of a chain is there in any mode.
  std::map<std::string, Tensor> gradients(Memory memory, at::ScalarType precision) {
    auto chain = std::dynamic_pointer_cast<Sequence>(built(precision, 8, kInFront));
    Tensor x = examples(8).to(precision).requires_grad_();
    Pass pass = this->pass(8, Mode::kTrain, precision);
    if (pass.features.defined()) pass.features.requires_grad_();
    Mapped out = memory == Memory::kStore ? chain->forward(x, pass)
                                          : frugal_forward(*chain, x, pass, {memory});
    Tensor z = whole(out), weights = SeededNoise(12).normal("weights", z);
    ((z * weights).sum() + z.square().sum() - out.log_det_or_zeros().sum()).backward();
    std::map<std::string, Tensor> found{{"x", x.grad()}};
    if (pass.features.defined()) found["features"] = pass.features.grad();
    for (auto& p : chain->named_parameters()) found[p.key()] = p.value().grad();
    return found;
  }

  void expect_same_gradients(Memory memory, at::ScalarType precision, double tolerance) {
    auto expected = gradients(Memory::kStore, precision), found = gradients(memory, precision);
    for (const auto& [name, gradient] : expected) {
      ASSERT_EQ(gradient.defined(), found[name].defined()) << name;
      if (!gradient.defined()) continue;
      double size = std::max(gradient.abs().max().item<double>(), 1e-3);
      EXPECT_LE((found[name] - gradient).abs().max().item<double>(), tolerance * size) << name;
    }
  }

  static constexpr const char* kInFront = "{type: scale, factor: 0.9, shift: 0.05}";
  TransformPtr layer_;
};

TEST_P(Contract, InverseUndoesForward) {
  Tensor x = examples(8);
  Mapped out = layer_->forward(x, pass(8));
  Tensor back = layer_->inverse(out.value, pass(8), out.ended);
  EXPECT_LT((back - x).abs().max().item<double>(), 1e-9);
}

TEST_P(Contract, LogDetIsThatOfTheJacobian) {
  Tensor x = examples(1).requires_grad_();
  Mapped out = layer_->forward(x, pass(1));
  std::vector<Tensor> rows;
  Tensor flat = whole(out).flatten();
  for (int64_t i = 0; i < flat.numel(); ++i) {
    Tensor row = torch::autograd::grad({flat[i]}, {x}, {}, /*retain_graph=*/true, false,
                                       /*allow_unused=*/true)[0];
    rows.push_back(row.defined() ? row.flatten() : at::zeros({x.numel()}, x.options()));
  }
  Tensor expected = std::get<1>(at::linalg_slogdet(at::stack(rows)));
  EXPECT_NEAR(out.log_det_or_zeros().item<double>(), expected.item<double>(), 1e-8);
}

TEST_P(Contract, ExamplesDoNotInfluenceEachOther) {
  Tensor x = examples(4);
  Pass one = pass(4);
  if (one.labels.defined()) one.labels = one.labels.narrow(0, 2, 1);
  if (one.features.defined()) one.features = one.features.narrow(0, 2, 1);
  Mapped together = layer_->forward(x, pass(4)), alone = layer_->forward(x.narrow(0, 2, 1), one);
  EXPECT_TRUE(at::allclose(whole(together).narrow(0, 2, 1), whole(alone)));
  EXPECT_TRUE(at::allclose(together.log_det_or_zeros().narrow(0, 2, 1), alone.log_det_or_zeros()));
}

// A unit that one perturbation leaves dead behind its ReLU is alive under another.
TEST_P(Contract, GradientReachesEveryElementButTheInert) {
  std::map<std::string, Tensor> reached;
  for (uint64_t perturbation = 8; perturbation < 20; ++perturbation) {
    TransformPtr layer = built(at::kDouble, perturbation);
    Mapped out = layer->forward(examples(100), pass(100));
    Tensor z = whole(out);
    Tensor loss = (z * SeededNoise(12).normal("weights", z)).sum() + z.square().sum() -
                  out.log_det_or_zeros().sum();
    if (loss.requires_grad()) loss.backward();
    for (auto& p : layer->named_parameters()) {
      Tensor gradient =
          p.value().grad().defined() ? p.value().grad() : p.value().new_zeros(p.value().sizes());
      EXPECT_TRUE(at::isfinite(gradient).all().item<bool>()) << p.key();
      Tensor now = gradient != 0;
      reached[p.key()] = reached.contains(p.key()) ? at::logical_or(reached[p.key()], now) : now;
    }
  }
  for (const auto& [name, elements] : reached) {
    bool inert = ends_with_any(name, GetParam().inert);
    // The middle of an edge channel's kernel never meets the padding.
    bool partial =
        inert || name.ends_with("edge_weight") || ends_with_any(name, GetParam().partial);
    EXPECT_EQ(inert, !elements.any().item<bool>()) << name;
    EXPECT_NE(partial, elements.all().item<bool>()) << name << elements;
  }
}

TEST_P(Contract, SinglePrecisionIsCloseToDouble) {
  TransformPtr single = built(at::kFloat);
  Mapped twice = layer_->forward(examples(8), pass(8));
  Mapped once = single->forward(examples(8).to(at::kFloat), pass(8, Mode::kEvaluate, at::kFloat));
  Tensor z = whole(once), log_det = once.log_det_or_zeros();
  EXPECT_EQ(z.scalar_type(), at::kFloat);
  EXPECT_EQ(log_det.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(z.to(at::kDouble), whole(twice), 1e-3, 1e-4));
  EXPECT_TRUE(at::allclose(log_det.to(at::kDouble), twice.log_det_or_zeros(), 1e-3, 1e-3));
}

TEST_P(Contract, EveryMemoryModeGivesTheSameGradients) {
  for (Memory memory : {Memory::kRecompute, Memory::kInvert}) {
    SCOPED_TRACE(name_of(memory));
    expect_same_gradients(memory, at::kDouble, 1e-9);
    expect_same_gradients(memory, at::kFloat, 1e-4);
  }
}

TEST_P(Contract, BuildsOnTheMetaDevice) {
  const Case& c = GetParam();
  Site site{.input = c.shape, .features = c.features, .classes = c.classes, .options = at::kMeta};
  TransformPtr layer = build_layers(parse_layers(c.layers), site);
  EXPECT_EQ(layer->named_parameters().keys(), layer_->named_parameters().keys());
  for (auto& p : layer->named_parameters()) {
    EXPECT_TRUE(p.value().is_meta()) << p.key();
    EXPECT_EQ(p.value().sizes(), layer_->named_parameters()[p.key()].sizes()) << p.key();
  }
  for (auto& b : layer->named_buffers()) EXPECT_TRUE(b.value().is_meta()) << b.key();
}

TEST(ContractTable, HasEveryLayerAndEveryNetwork) {
  std::string all;
  for (const Case& c : kCases) all += c.layers;
  auto expect = [&]<class C>(const C*) {
    bool elsewhere = std::is_same_v<C, DequantizeConfig>;  // stochastic: dequantize_test
    EXPECT_NE(elsewhere, all.find(std::string("{type: ") + C::kType) != std::string::npos)
        << C::kType;
  };
  auto each = [&]<class... C>(const std::variant<C...>*) {
    (expect(static_cast<const C*>(nullptr)), ...);
  };
  each(static_cast<const LayerConfig*>(nullptr));
  each(static_cast<const ConditionerConfig*>(nullptr));
  each(static_cast<const MapConfig*>(nullptr));
}

void PrintTo(const Case& c, std::ostream* out) { *out << c.layers; }

INSTANTIATE_TEST_SUITE_P(Layers, Contract, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace diffeo
