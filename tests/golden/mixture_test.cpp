// The mixture of logistics against values of 70 digits and more: golden/flowpp's elementwise cases, and golden/misc's m7.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <cmath>

#include "golden/golden.h"
#include "kernels/logistic_mixture.h"
#include "kernels/mixture_aten.h"

namespace diffeo::golden {
namespace {

// The case's parameter sets as the kernel takes them: a set is an example, a point an element.
class Elementwise {
 public:
  Elementwise(const Case& c, at::ScalarType precision)
      : t_(load(c)), precision_(precision), components_(c.hyper().at("components")) {}

  // [M, G (2 + 3 K)], each element's numbers together.
  Tensor raw(int64_t points) const {
    std::vector<Tensor> parts{get("in/s_raw").unsqueeze(1), get("in/t").unsqueeze(1), get("in/logits"), get("in/means"),
                              get("in/logscales_raw")};
    return at::cat(parts, 1).unsqueeze(1).expand({-1, points, -1}).reshape({parts[0].size(0), -1}).contiguous();
  }
  Tensor get(const std::string& name) const { return t_.at(name).to(precision_); }
  Tensor exact(const std::string& name) const { return t_.at("mp/" + name); }
  int64_t components() const { return components_; }

 private:
  NamedTensors t_;
  at::ScalarType precision_;
  int64_t components_;
};

// The largest deviation of an element from the exact value, relative to it or, near zero, to `floor`.
double worst(const Tensor& ours, const Tensor& exact, double floor) {
  return ((ours.to(at::kDouble) - exact).abs() / exact.abs().clamp_min(floor)).max().item<double>();
}

class Mixture : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().entry.is_null()) GTEST_SKIP() << "golden/flowpp is not at hand (DIFFEO_GOLDEN)";
  }

  static void check(at::ScalarType precision, double tolerance) {
    Elementwise e(GetParam(), precision);
    Tensor x = e.get("in/x");
    auto [y, log_det] = logistic_mixture(x, e.raw(x.size(1)), e.components());
    EXPECT_LT(worst(y, e.exact("y"), 1), tolerance);
    Tensor terms = e.exact("logdet");  // which cancel in their sum
    Tensor error = (log_det.to(at::kDouble) - terms.sum(1)).abs() / terms.abs().sum(1);
    EXPECT_LT(error.max().item<double>(), tolerance);
  }

  // How far from y the forward map of x is, beyond what the rounding of x and of the mixture's own terms makes of it.
  static double residual(const Elementwise& e, const Tensor& x, const Tensor& y, at::ScalarType precision) {
    Tensor twice = x.to(at::kDouble).requires_grad_();
    Elementwise exact(GetParam(), at::kDouble);
    Tensor there = logistic_mixture(twice, exact.raw(y.size(1)), e.components()).first;
    Tensor slope = torch::autograd::grad({there.sum()}, {twice})[0];
    Tensor rounding = slope * twice.detach().abs() * std::ldexp(1.0, precision == at::kDouble ? -51 : -22);
    Tensor miss = (there.detach() - y.to(at::kDouble)).abs() - rounding;
    return (miss / y.to(at::kDouble).abs().clamp_min(1)).max().item<double>();
  }

  static void check_inverse(at::ScalarType precision, double tolerance) {
    Elementwise e(GetParam(), precision);
    Tensor y = e.get("in/y_to_invert"), raw = e.raw(y.size(1));
    Tensor x = logistic_mixture_inverse(y, raw, e.components());
    EXPECT_LT(residual(e, x, y, precision), tolerance);
    Tensor counts = logistic_mixture_iterations(y, raw, e.components());
    EXPECT_LE(counts.max().item<int64_t>(), 100);
    std::cout << "inverse, " << at::toString(precision) << ": mean " << counts.to(at::kDouble).mean().item<double>()
              << ", worst " << counts.max().item<int64_t>() << " evaluations\n";
  }
};

TEST_P(Mixture, IsExactInFloat64) { check(at::kDouble, 1e-12); }

TEST_P(Mixture, IsExactInFloat32) { check(at::kFloat, 1e-5); }

TEST_P(Mixture, IsInvertedInFloat64) { check_inverse(at::kDouble, 1e-12); }

TEST_P(Mixture, IsInvertedInFloat32) { check_inverse(at::kFloat, 1e-6); }

TEST_P(Mixture, HasTheExactDerivatives) {
  Elementwise e(GetParam(), at::kDouble);
  Tensor x = e.get("in/x").requires_grad_(), raw = e.raw(x.size(1)).requires_grad_();
  auto [y, log_det] = logistic_mixture(x, raw, e.components());
  for (const auto& [of, output] : {std::pair<std::string, Tensor>{"dy_d", y}, {"dlogdet_d", log_det}}) {
    auto gradients = torch::autograd::grad({output.sum()}, {x, raw}, {}, /*retain_graph=*/true);
    Tensor by_raw = gradients[1].view({x.size(0), x.size(1), -1});
    int64_t k = e.components();
    EXPECT_LT(worst(gradients[0], e.exact(of + "x"), 1e-2), 1e-9) << of;
    EXPECT_LT(worst(by_raw.select(2, 0), e.exact(of + "s_raw"), 1e-2), 1e-9) << of;
    EXPECT_LT(worst(by_raw.select(2, 1), e.exact(of + "t"), 1e-2), 1e-9) << of;
    EXPECT_LT(worst(by_raw.narrow(2, 2, k), e.exact(of + "logits"), 1e-2), 1e-9) << of;
    EXPECT_LT(worst(by_raw.narrow(2, 2 + k, k), e.exact(of + "means"), 1e-2), 1e-9) << of;
    EXPECT_LT(worst(by_raw.narrow(2, 2 + 2 * k, k), e.exact(of + "logscales"), 1e-2), 1e-9) << of;
  }
}

TEST_P(Mixture, HostAndTensorOperationsAgree) {
  Elementwise e(GetParam(), at::kDouble);
  Tensor x = e.get("in/x"), raw = e.raw(x.size(1));
  auto [y, log_det] = logistic_mixture(x, raw, e.components());
  auto [y_aten, log_det_aten] = mixture_aten(x, raw, e.components());
  EXPECT_LT(worst(y_aten, y, 1), 1e-12);
  EXPECT_LT(worst(log_det_aten, log_det, 1), 1e-12);
  EXPECT_LT(residual(e, mixture_inverse_aten(y, raw, e.components()), y, at::kDouble), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(golden, Mixture,
                         testing::ValuesIn(cases("flowpp", [](const Case& c) { return c.kind() == "elementwise"; })),
                         test_name);

// A case of golden/misc: rows of parameters at points that all rows share. Its log-scales go below the kernel's smallest,
// so everything is measured in eighths: 8 x under means 8 m and log-scales s + log 8 has the CDF of x.
class MixtureRows {
 public:
  MixtureRows(const Case& c, at::ScalarType precision) : t_(load(c)), c_(c), precision_(precision) {}

  void check_functions() const {
    Tensor points = representable(t_.at("x"));
    auto [logit, log_slope] = logistic_mixture(elements(points * kUnit), raw(points.numel()), components());
    Tensor y = rows(logit), slope = rows(log_slope) + std::log(kUnit);
    Tensor log_cdf = at::log_sigmoid(y), log_sf = at::log_sigmoid(-y);
    auto exact = [&](const char* name) { return t_.at(name).index_select(1, places(t_.at("x"))); };
    each("logit_cdf", y, exact("logit_cdf"));
    each("logdet", slope, exact("logdet"));
    each("log_cdf", log_cdf, exact("log_cdf"));
    each("log_sf", log_sf, exact("log_sf"));
    each("log_pdf", slope + log_cdf + log_sf, exact("log_pdf"));
    each("cdf", y.sigmoid(), exact("cdf"));
    each("sf", (-y).sigmoid(), exact("sf"));
    each("pdf", (slope + log_cdf + log_sf).exp(), exact("pdf"));
  }

  void check_inverse(const char* name, const Tensor& logits) const {
    Tensor v = elements(logits), all = raw(logits.numel());
    Tensor x = logistic_mixture_inverse(v, all, components());
    Tensor log_slope = logistic_mixture(x, all, components()).second;
    // Round-off of the logit moves x far where the mixture is flat.
    Tensor slack = v.squeeze(1).abs().clamp_min(1) * (-log_slope).exp() * (4 * last_place() / kUnit);
    each(name, rows(x) / kUnit, t_.at(name), rows(slack));
  }

  void check() const {
    check_functions();
    Tensor q = t_.at("q");
    check_inverse("inverse_cdf", q.log() - (-q).log1p());
    check_inverse("inverse_logit_cdf", t_.at("v"));
  }

 private:
  static constexpr double kUnit = 8;

  int64_t components() const { return t_.at("logits").size(1); }
  int64_t count() const { return t_.at("logits").size(0); }
  double last_place() const { return std::ldexp(1.0, precision_ == at::kDouble ? -52 : -23); }

  // The points that this precision holds exactly.
  Tensor places(const Tensor& points) const {
    return (points.to(precision_).to(at::kDouble) == points).nonzero().flatten();
  }
  Tensor representable(const Tensor& points) const { return points.index_select(0, places(points)); }

  // Each point of each row as an example with one element, [rows * points, 1], and back.
  Tensor elements(const Tensor& points) const {
    return points.to(precision_).unsqueeze(0).expand({count(), -1}).reshape({-1, 1});
  }
  Tensor rows(const Tensor& t) const { return t.reshape({count(), -1}).to(at::kDouble); }
  Tensor raw(int64_t points) const {
    Tensor means = t_.at("means") * kUnit, log_scales = t_.at("log_scales") + std::log(kUnit);
    Tensor all = at::cat({t_.at("logits").new_zeros({count(), 2}), t_.at("logits"), means, log_scales}, 1);
    return all.to(precision_).unsqueeze(1).expand({-1, points, -1}).reshape({count() * points, -1});
  }

  void each(const char* what, const Tensor& ours, const Tensor& theirs, const Tensor& slack = {}) const {
    const nlohmann::json& own = c_.entry.at("tolerance").at(precision_ == at::kDouble ? "float64" : "float32");
    Tensor allowed = own.at("atol").get<double>() + own.at("rtol").get<double>() * theirs.abs();
    if (slack.defined()) allowed = allowed + slack;
    Tensor wrong = (ours - theirs).abs() > allowed;
    EXPECT_FALSE(wrong.any().item<bool>()) << what << " at " << wrong.nonzero();
  }

  NamedTensors t_;
  const Case& c_;
  at::ScalarType precision_;
};

class MiscMixture : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().entry.is_null()) GTEST_SKIP() << "golden/misc is not at hand (DIFFEO_GOLDEN)";
  }
};

TEST_P(MiscMixture, AgreesInFloat64) { MixtureRows(GetParam(), at::kDouble).check(); }

TEST_P(MiscMixture, AgreesInFloat32) { MixtureRows(GetParam(), at::kFloat).check(); }

INSTANTIATE_TEST_SUITE_P(golden, MiscMixture, testing::ValuesIn(cases("misc", [](const Case& c) {
                           return c.name().starts_with("m7_logistic_mixture");
                         })),
                         test_name);

// Whatever comes in, the inverse ends.
TEST(MixtureInverse, EndsOnOutliersAndOnNumbersThatAreNone) {
  Tensor raw = at::zeros({1, 5 * 8}, at::kDouble).uniform_(-3, 3, std::nullopt);
  double infinity = std::numeric_limits<double>::infinity();
  Tensor y = at::tensor({1e4, -1e4, infinity, std::nan(""), 0.0}, at::kDouble).view({1, 5});
  Tensor x = logistic_mixture_inverse(y, raw, 2);
  EXPECT_TRUE(at::isfinite(x.narrow(1, 0, 2)).all().item<bool>());
  Tensor outliers = at::tensor({1e4, -1e4, 0.0, 1.0, 2.0}, at::kDouble).view({1, 5});
  auto [there, log_det] = logistic_mixture(outliers, raw, 2);
  EXPECT_TRUE(at::isfinite(log_det).all().item<bool>());
  EXPECT_TRUE(at::allclose(logistic_mixture_inverse(there, raw, 2), outliers, 1e-9, 1e-9));
}

// dx/dy and dx/draw by the implicit function theorem, against differences.
TEST(MixtureInverse, HasAGradient) {
  at::manual_seed(3);
  Tensor raw = at::randn({2, 3 * 8}, at::kDouble).requires_grad_(), y = at::randn({2, 3}, at::kDouble).requires_grad_();
  auto sum = [](const Tensor& v, const Tensor& r) { return logistic_mixture_inverse(v, r, 2).square().sum(); };
  auto gradients = torch::autograd::grad({sum(y, raw)}, {y, raw});
  const double step = 1e-6;
  for (int64_t i = 0; i < raw.numel(); ++i) {
    Tensor moved = at::zeros_like(raw);
    moved.view(-1)[i] = step;
    double slope = (sum(y, raw + moved) - sum(y, raw - moved)).item<double>() / (2 * step);
    EXPECT_NEAR(gradients[1].view(-1)[i].item<double>(), slope, 1e-5 * std::max(1.0, std::abs(slope))) << i;
  }
  for (int64_t i = 0; i < y.numel(); ++i) {
    Tensor moved = at::zeros_like(y);
    moved.view(-1)[i] = step;
    double slope = (sum(y + moved, raw) - sum(y - moved, raw)).item<double>() / (2 * step);
    EXPECT_NEAR(gradients[0].view(-1)[i].item<double>(), slope, 1e-5 * std::max(1.0, std::abs(slope))) << i;
  }
}

}  // namespace
}  // namespace diffeo::golden
