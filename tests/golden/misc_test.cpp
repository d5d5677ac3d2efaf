// Single layers and small flows against golden/misc: scalars, 1x1 convolutions, Householder
// reflections, NICE and the tutorial's flow.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "flow/flow.h"
#include "golden/golden.h"
#include "golden/vector_plan.h"

namespace diffeo::golden {
namespace {

// m1_* and m4_zuko_rqs are judged in spline_test, m6_* in densities_test, m7_logistic_mixture_* in
// misc_mixture_test, and what is a flow on vectors in vectors_test.
bool judged_here(const Case& c) {
  for (const char* elsewhere : {"m1_", "m2_", "m3_", "m4_", "m5_coupling_block", "m5_nice_d4",
                                "m5_realnvp", "m6_", "m7_logistic_mixture"}) {
    if (c.name().starts_with(elsewhere)) return false;
  }
  return true;
}

// One case in one precision.
class Judge {
 public:
  Judge(const Case& c, at::ScalarType precision)
      : c_(c), t_(load(c)), precision_(precision), close_(c, precision) {}

  void judge() {
    if (c_.name().starts_with("m5_nice_author_form")) nice();
    else if (c_.name().starts_with("m5_tutorial_prelu_flow")) tutorial();
    else if (c_.name().starts_with("m7_logit_preprocess")) logit_preprocess();
    else if (c_.name().starts_with("m7_logit")) logit();
    else if (c_.name().starts_with("m7_scalar_functions")) scalar_functions();
    else if (c_.name().starts_with("m7_discretised_logistic")) discretised_logistic();
    else if (c_.name().starts_with("m8_conv1x1_normflows")) conv1x1();
    else if (c_.name().starts_with("m8_householder")) householder();
    else if (c_.name().starts_with("m8_")) affine_map();
    else FAIL() << "a case no test knows, and no list says why";
  }

 private:
  Tensor get(const std::string& name) const { return t_.at(name).to(precision_); }
  void close(const std::string& what, const Tensor& ours, const std::string& theirs) {
    close_(what, ours, t_.at(theirs), "");
  }
  Flow flow(const std::vector<Layer>& layers, const Shape& shape, Base base = Base::kNormal) const {
    return Flow(layers, {.input = shape, .options = precision_}, base);
  }

  // Deviations elementwise: values of very different size stand in one tensor. `slack`: what the
  // rounding of the inputs alone may change.
  void each(const std::string& what, const Tensor& ours, const Tensor& theirs,
            const Tensor& slack = {}) const {
    const nlohmann::json& own =
        c_.entry.at("tolerance").at(precision_ == at::kDouble ? "float64" : "float32");
    Tensor allowed = own.at("atol").get<double>() + own.at("rtol").get<double>() * theirs.abs();
    if (slack.defined()) allowed = allowed + slack;
    Tensor wrong = (ours.to(at::kDouble) - theirs).abs() > allowed;
    EXPECT_FALSE(wrong.any().item<bool>()) << what << " at " << wrong.nonzero().flatten();
  }

  // The values that this precision holds exactly and that are not beyond its range.
  Tensor representable(const Tensor& x) const {
    return precision_ == at::kDouble ? (x == x) : (x.to(at::kFloat).to(at::kDouble) == x);
  }

  void nice();
  void tutorial();
  void logit();
  void logit_preprocess();
  void scalar_functions();
  void conv1x1();
  void householder();
  void affine_map();
  void discretised_logistic();
  VectorPlan affine_plan() const;

  const Case& c_;
  NamedTensors t_;
  at::ScalarType precision_;
  Comparison close_;
};

void Judge::nice() {
  int64_t couplings = count_of(t_, "coupling", ".W1"), size = t_.at("x").size(1);
  int64_t depth = 0;
  while (t_.contains("coupling0.W" + std::to_string(depth + 2))) ++depth;
  std::vector<Layer> layers;
  NamedTensors values;
  for (int64_t i = 0; i < couplings; ++i) {
    int64_t hidden = t_.at(numbered("coupling", i, ".W1")).size(1);
    layers.push_back({CouplingConfig{.map = AffineConfig{AffineForm::kAdditive},
                                     .net = MlpConfig{.hidden = hidden, .depth = depth}}});
    layers.push_back({ReverseConfig{}});
    const std::string net = "flow." + std::to_string(2 * i) + "_coupling.net.";
    for (int64_t k = 0; k <= depth; ++k) {
      values[numbered(net + "weight", k, "")] =
          t_.at(numbered("coupling", i, ".W" + std::to_string(k + 1))).t();
      values[numbered(net + "bias", k, "")] =
          t_.at(numbered("coupling", i, ".b" + std::to_string(k + 1)));
    }
  }
  layers.push_back({DiagonalConfig{}});
  values["flow." + std::to_string(2 * couplings) + "_diagonal.log_scale"] = t_.at("log_scale");
  for (Base base : {Base::kNormal, Base::kLogistic}) {
    Flow model = flow(layers, {size}, base);
    EXPECT_TRUE(assign(model, values).empty());
    Trace trace;
    close("z", model.encode(get("x"), {.observer = trace.observer()}), "z");
    close("log_det", trace.log_dets.at("flow"), "logabsdet");
    close("log_prob", model.log_prob(get("x")),
          base == Base::kNormal ? "log_prob_gaussian_prior" : "log_prob_logistic_prior");
    close("samples", model.decode(get("noise")), "samples");
  }
  Recorded uniform({{"noise", t_.at("uniform")}});
  close("noise", base_sample(Base::kLogistic, uniform, "noise", get("x")), "noise");
}

void Judge::tutorial() {
  int64_t affines = count_of(t_, "affine", ".V");
  std::vector<Layer> layers;
  NamedTensors values;
  for (int64_t i = affines - 1; i >= 0; --i) {  // the file counts from the noise
    const std::string linear = "flow." + std::to_string(layers.size()) + "_linear.";
    layers.push_back({LinearConfig{.form = LinearForm::kTrilPlusLowRank,
                                   .rank = t_.at(numbered("affine", i, ".V")).size(1)}});
    values[linear + "lower"] = t_.at(numbered("affine", i, ".L_raw")).flip(0);
    values[linear + "v"] = t_.at(numbered("affine", i, ".V"));
    values[linear + "bias"] = t_.at(numbered("affine", i, ".b"));
    if (i == 0) break;
    values["flow." + std::to_string(layers.size()) + "_prelu.a"] =
        t_.at(numbered("prelu", i - 1, ".a"));
    layers.push_back({PReluConfig{}});
  }
  Flow model = flow(layers, {t_.at("x").size(1)});
  EXPECT_TRUE(assign(model, values).empty());
  Trace trace;
  close("z", model.encode(get("x"), {.observer = trace.observer()}), "z");
  close("log_det", trace.log_dets.at("flow"), "logabsdet");
  close("log_prob", model.log_prob(get("x")), "log_prob");
  close("samples", model.decode(get("noise")), "samples");
  close("sample_log_prob", model.log_prob(t_.at("samples").to(precision_)), "sample_log_prob");
}

void Judge::logit() {
  Tensor rows = representable(t_.at("u")).nonzero().flatten();
  Tensor u = t_.at("u").index_select(0, rows);
  Flow model = flow({{LogitConfig{.alpha = 0}}}, {1});
  auto [y, log_det, ended, auxiliary] = model.layers()->forward(u.to(precision_).unsqueeze(1));
  each("logit", y.squeeze(1), t_.at("logit").index_select(0, rows));
  each("log_logit_derivative", log_det, t_.at("log_logit_derivative").index_select(0, rows));
}

void Judge::logit_preprocess() {
  for (const auto& [name, alpha] : {std::pair{"alpha_0.05", 0.05}, std::pair{"alpha_1e-6", 1e-6}}) {
    const std::string of = std::string(name) + ".";
    Flow model = flow({{DequantizeConfig{}}, {LogitConfig{.alpha = alpha}}}, {1});
    Tensor rows = at::logical_and(representable(t_.at(of + "x")), representable(t_.at("u")))
                      .nonzero()
                      .flatten();
    ASSERT_GT(rows.numel(), 0);
    auto theirs = [&](const std::string& what) { return t_.at(of + what).index_select(0, rows); };
    Recorded noise({{"flow.0_dequantize", t_.at("u").index_select(0, rows).unsqueeze(1)}});
    Trace trace;
    Tensor v = get("v").index_select(0, rows).unsqueeze(1);
    Tensor y = model.noisy_latents(v, {.noise = &noise, .observer = trace.observer()});
    each(of + "x", trace.values.at("flow.0_dequantize").squeeze(1), theirs("x"));
    Tensor p = theirs("p"),
           last_place = theirs("x") * std::ldexp(1.0, precision_ == at::kDouble ? -53 : -24);
    Tensor slope = theirs("logdet_from_unit").exp(), curvature = (1 / p - 1 / (1 - p)).abs();
    each(of + "y", y.squeeze(1), theirs("y"), slope * last_place);
    each(of + "logdet_from_unit", trace.log_dets.at("flow.1_logit"), theirs("logdet_from_unit"),
         curvature * last_place);
    Tensor parts = std::ldexp(8 * std::log(256.0), precision_ == at::kDouble ? -53 : -24) +
                   curvature * last_place;
    each(of + "logdet_from_256", trace.log_dets.at("flow"), theirs("logdet_from_256"), parts);
  }
}

void Judge::scalar_functions() {
  Tensor rows = representable(t_.at("x")).nonzero().flatten();
  auto theirs = [&](const char* name) { return t_.at(name).index_select(0, rows); };
  Tensor x = theirs("x").to(precision_), column = x.unsqueeze(1);
  each("log_sigmoid_derivative", log_sigmoid_slope(x), theirs("log_sigmoid_derivative"));
  each("log_standard_logistic", base_log_prob(Base::kLogistic, column),
       theirs("log_standard_logistic"));
  Tensor inside = (x.abs() < (precision_ == at::kDouble ? 1e150 : 1e15)).nonzero().flatten();
  each("log_standard_normal", base_log_prob(Base::kNormal, column.index_select(0, inside)),
       theirs("log_standard_normal").index_select(0, inside));
  Flow sigmoid = flow({{SigmoidConfig{}}}, {1});
  auto [y, log_det, ended, auxiliary] = sigmoid.layers()->forward(column);
  each("sigmoid", y.squeeze(1), theirs("sigmoid"));
  each("sigmoid's log_det", log_det, theirs("log_sigmoid_derivative"));
  each("log_sigmoid", at::log_sigmoid(x), theirs("log_sigmoid"));
  each("tanh", x.tanh(), theirs("tanh"));
}

void Judge::conv1x1() {
  bool lu = t_.contains("state.P");
  Shape image(t_.at("x").sizes().begin() + 1, t_.at("x").sizes().end());
  Flow model = flow({{InvConvConfig{.form = lu ? MixForm::kLu : MixForm::kPlain}}}, image);
  const std::string mix = "flow.0_inv_conv.mix.";
  NamedTensors values{{mix + "weight", t_.at("weight")}};
  if (lu) {
    // normflows' factors are those of W, ours those of its transpose.
    auto [p, l, u] = at::linalg_lu(t_.at("weight").t());
    Tensor s = u.diagonal();
    values = {{mix + "p", p},
              {mix + "l", l},
              {mix + "u", u},
              {mix + "log_s", s.abs().log()},
              {mix + "sign_s", s.sign()}};
  }
  EXPECT_TRUE(assign(model, values).empty());
  auto [y, log_det, ended, auxiliary] = model.layers()->forward(get("x"));
  close("y", y, "y");
  close("log_det", log_det, "logabsdet");
  close("x_back", model.layers()->inverse(get("y")), "x_back");
}

void Judge::householder() {
  Tensor vectors = t_.at("state.q_vectors");
  Flow model = flow({{HouseholderConfig{.reflections = vectors.size(0)}}}, {vectors.size(1)});
  EXPECT_TRUE(assign(model, {{"flow.0_householder.vectors", vectors}}).empty());
  Mapped y = model.layers()->forward(get("x"));
  close("y", y.value, "y");
  close("log_det", y.log_det_or_zeros(), "logabsdet");
  close("x_back", model.layers()->inverse(get("y")), "x_back");
  close("matrix", model.encode(at::eye(vectors.size(1), precision_)).t(), "matrix");
}

// nflows' linear maps, which are y = W x + b from data to noise.
VectorPlan Judge::affine_plan() const {
  VectorPlan plan;
  auto theirs = [&](const char* name) { return t_.at(std::string("state.") + name); };
  auto set = [&](const std::string& at, const char* ours, const char* name) {
    plan.set(at + "." + ours, theirs(name));
  };
  std::string at;
  if (c_.name().starts_with("m8_naive_linear")) {  // ours is from noise to data
    at = plan.add({LinearConfig{}});
    plan.set(at + ".matrix", t_.at("weight_inverse"));
    plan.set(at + ".bias", -t_.at("weight_inverse").mv(theirs("bias")));
    return plan;
  }
  if (c_.name().starts_with("m8_qr_linear")) {
    at = plan.add({QrConfig{.reflections = theirs("orthogonal.q_vectors").size(0)}});
    set(at, "upper", "upper_entries");
    set(at, "log_diagonal", "log_upper_diag");
    set(at, "vectors", "orthogonal.q_vectors");
  } else if (c_.name().starts_with("m8_svd_linear")) {
    at = plan.add({SvdConfig{.reflections = theirs("orthogonal_1.q_vectors").size(0)}});
    set(at, "raw_diagonal", "unconstrained_diagonal");
    set(at, "outer", "orthogonal_1.q_vectors");
    set(at, "inner", "orthogonal_2.q_vectors");
  } else {
    if (t_.contains("state.permutation._permutation"))
      plan.add({PermutationConfig{whole(theirs("permutation._permutation"))}});
    at = plan.add({LuLinearConfig{}});
    set(at, "lower", "lower_entries");
    set(at, "upper", "upper_entries");
    set(at, "raw_diagonal", "unconstrained_upper_diag");
  }
  set(at, "bias", "bias");
  return plan;
}

void Judge::affine_map() {
  VectorPlan plan = affine_plan();
  Shape shape(t_.at("x").sizes().begin() + 1, t_.at("x").sizes().end());
  Flow model = flow(plan.layers, shape);
  EXPECT_TRUE(assign(model, plan.values).empty());
  Mapped y = model.layers()->forward(get("x"));
  close("y", y.value, "y");
  close("log_det", y.log_det_or_zeros(), "logabsdet");
  close("x_back", model.layers()->inverse(get("y")), "x_back");
  Mapped x = model.layers()->inverse_with_log_det(get("y"));
  close("inverse_log_det", x.log_det_or_zeros(), "inverse_logabsdet");
}

// The mass of each whole number's bin under a logistic density; the first and the last have the
// tails.
void Judge::discretised_logistic() {
  Tensor mu = t_.at("mu"), log_scale = t_.at("log_scale"), v = t_.at("v");
  Tensor rows = at::logical_and(representable(mu), representable(log_scale)).nonzero().flatten();
  auto chosen = [&](const Tensor& t) { return t.index_select(0, rows); };
  Tensor steep = (-chosen(log_scale)).exp();
  Tensor x = (chosen(v).to(at::kDouble) * (2.0 / 255) - 1 - chosen(mu)) * steep, half = steep / 255;
  auto rounded = [&](const Tensor& t) { return t.to(precision_); };
  Tensor log_mass = log_logistic_mass(rounded(x), rounded(half));
  log_mass = at::where(chosen(v) == 0, at::log_sigmoid(rounded(x + half)), log_mass);
  log_mass = at::where(chosen(v) == 255, at::log_sigmoid(rounded(half - x)), log_mass);
  each("log_prob", log_mass, chosen(t_.at("log_prob")));
}

class Misc : public GoldenTest {};

TEST_P(Misc, AgreesInFloat64) { Judge(GetParam(), at::kDouble).judge(); }

TEST_P(Misc, AgreesInFloat32) { Judge(GetParam(), at::kFloat).judge(); }

INSTANTIATE_TEST_SUITE_P(golden, Misc, testing::ValuesIn(cases("misc", judged_here)), test_name);

}  // namespace
}  // namespace diffeo::golden
