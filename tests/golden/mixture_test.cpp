// The mixture of logistics against values of 70 digits: golden/flowpp's elementwise cases.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <cmath>

#include "golden/golden.h"
#include "kernels/logistic_mixture.h"
#include "kernels/mixture_aten.h"
#include "kernels/mixture_host.h"

namespace diffeo::golden {
namespace {

// The case's parameter sets as the kernel takes them: a set is an example, a point an element.
class Elementwise {
 public:
  Elementwise(const Case& c, at::ScalarType precision)
      : t_(load(c)), precision_(precision), components_(c.hyper().at("components")) {}

  // [M, G (2 + 3 K)], each element's numbers together.
  Tensor raw(int64_t points) const {
    std::vector<Tensor> parts{get("in/s_raw").unsqueeze(1), get("in/t").unsqueeze(1),
                              get("in/logits"), get("in/means"), get("in/logscales_raw")};
    return at::cat(parts, 1)
        .unsqueeze(1)
        .expand({-1, points, -1})
        .reshape({parts[0].size(0), -1})
        .contiguous();
  }
  Tensor get(const std::string& name) const { return t_.at(name).to(precision_); }
  Tensor exact(const std::string& name) const { return t_.at("mp/" + name); }
  int64_t components() const { return components_; }

 private:
  NamedTensors t_;
  at::ScalarType precision_;
  int64_t components_;
};

// The largest deviation of an element from the exact value, relative to it or, near zero, to
// `floor`.
double worst(const Tensor& ours, const Tensor& exact, double floor) {
  return ((ours.to(at::kDouble) - exact).abs() / exact.abs().clamp_min(floor)).max().item<double>();
}

class Mixture : public GoldenTest {
 protected:
  static void check(at::ScalarType precision, double tolerance) {
    Elementwise e(GetParam(), precision);
    Tensor x = e.get("in/x");
    auto [y, log_det] = logistic_mixture(x, e.raw(x.size(1)), e.components());
    EXPECT_LT(worst(y, e.exact("y"), 1), tolerance);
    Tensor terms = e.exact("logdet");  // which cancel in their sum
    Tensor error = (log_det.to(at::kDouble) - terms.sum(1)).abs() / terms.abs().sum(1);
    EXPECT_LT(error.max().item<double>(), tolerance);
  }

  // How far from y the forward map of x is, beyond what the rounding of x and of the mixture's own
  // terms makes of it.
  static double residual(const Elementwise& e, const Tensor& x, const Tensor& y,
                         at::ScalarType precision) {
    Tensor twice = x.to(at::kDouble).requires_grad_();
    Elementwise exact(GetParam(), at::kDouble);
    Tensor there = logistic_mixture(twice, exact.raw(y.size(1)), e.components()).first;
    Tensor slope = torch::autograd::grad({there.sum()}, {twice})[0];
    Tensor rounding =
        slope * twice.detach().abs() * std::ldexp(1.0, precision == at::kDouble ? -51 : -22);
    Tensor miss = (there.detach() - y.to(at::kDouble)).abs() - rounding;
    return (miss / y.to(at::kDouble).abs().clamp_min(1)).max().item<double>();
  }

  static void check_inverse(at::ScalarType precision, double tolerance) {
    Elementwise e(GetParam(), precision);
    Tensor y = e.get("in/y_to_invert"), raw = e.raw(y.size(1));
    Tensor x = logistic_mixture_inverse(y, raw, e.components());
    EXPECT_LT(residual(e, x, y, precision), tolerance);
    Tensor counts = logistic_mixture_evaluations(y, raw, e.components());
    EXPECT_LE(counts.max().item<int64_t>(), 100);
    std::cout << "inverse, " << at::toString(precision) << ": mean "
              << counts.to(at::kDouble).mean().item<double>() << ", worst "
              << counts.max().item<int64_t>() << " evaluations\n";
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
  for (const auto& [of, output] :
       {std::pair<std::string, Tensor>{"dy_d", y}, {"dlogdet_d", log_det}}) {
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
  Tensor by_y = at::linspace(-1, 1, x.numel(), x.options()).view(x.sizes()),
         by_log_det = by_y.select(1, 0).contiguous();
  auto [by_x, by_raw] = mixture_gradient_host(x, raw, e.components(), by_y, by_log_det);
  auto [by_x_aten, by_raw_aten] = mixture_gradient_aten(x, raw, e.components(), by_y, by_log_det);
  EXPECT_LT(worst(by_x_aten, by_x, 1), 1e-10);
  EXPECT_LT(worst(by_raw_aten, by_raw, 1), 1e-10);
  EXPECT_LT(residual(e, mixture_inverse_aten(y, raw, e.components()), y, at::kDouble), 1e-12);
}

// The authors halve an interval of 200 times the summed scales about the outermost means until a
// move is below 1e-12 (flowpp, logistic.py: mixlogistic_invcdf). How often, for each element.
Tensor halvings(const Tensor& y, const Tensor& raw, int64_t components) {
  Tensor numbers = raw.view({y.size(0), y.size(1), -1}),
         mean = numbers.narrow(2, 2 + components, components);
  Tensor reach = 200 * numbers.narrow(2, 2 + 2 * components, components).clamp_min(-7).exp().sum(2);
  Tensor low = mean.amin(2) - reach, high = mean.amax(2) + reach, x = at::zeros_like(y);
  Tensor counts = at::zeros_like(y, at::kLong), moved = at::full_like(y, INFINITY);
  for (int64_t step = 0; step < 200 && (moved > 1e-12).any().item<bool>(); ++step) {
    counts += moved > 1e-12;
    Tensor above = logistic_mixture(x, raw, components).first > y;
    high = at::where(above, x, high);
    low = at::where(above, low, x);
    Tensor middle = (low + high) / 2;
    moved = (middle - x).abs();
    x = middle;
  }
  return counts;
}

TEST_P(Mixture, IsInvertedInAThirdOfTheAuthorsBisection) {
  Elementwise e(GetParam(), at::kDouble);
  Tensor y = e.get("in/y_to_invert"), raw = e.raw(y.size(1));
  double ours =
      logistic_mixture_evaluations(y, raw, e.components()).to(at::kDouble).mean().item<double>();
  double theirs = halvings(y, raw, e.components()).to(at::kDouble).mean().item<double>();
  EXPECT_LE(3 * ours, theirs);
  std::cout << "inverse: " << ours << " evaluations on average, the authors' bisection " << theirs
            << "\n";
}

INSTANTIATE_TEST_SUITE_P(
    golden, Mixture,
    testing::ValuesIn(cases("flowpp", [](const Case& c) { return c.kind() == "elementwise"; })),
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
  Tensor raw = at::randn({2, 3 * 8}, at::kDouble).requires_grad_(),
         y = at::randn({2, 3}, at::kDouble).requires_grad_();
  auto sum = [](const Tensor& v, const Tensor& r) {
    return logistic_mixture_inverse(v, r, 2).square().sum();
  };
  auto gradients = torch::autograd::grad({sum(y, raw)}, {y, raw});
  const double step = 1e-6;
  for (int64_t i = 0; i < raw.numel(); ++i) {
    Tensor moved = at::zeros_like(raw);
    moved.view(-1)[i] = step;
    double slope = (sum(y, raw + moved) - sum(y, raw - moved)).item<double>() / (2 * step);
    EXPECT_NEAR(gradients[1].view(-1)[i].item<double>(), slope,
                1e-5 * std::max(1.0, std::abs(slope)))
        << i;
  }
  for (int64_t i = 0; i < y.numel(); ++i) {
    Tensor moved = at::zeros_like(y);
    moved.view(-1)[i] = step;
    double slope = (sum(y + moved, raw) - sum(y - moved, raw)).item<double>() / (2 * step);
    EXPECT_NEAR(gradients[0].view(-1)[i].item<double>(), slope,
                1e-5 * std::max(1.0, std::abs(slope)))
        << i;
  }
}

}  // namespace
}  // namespace diffeo::golden
