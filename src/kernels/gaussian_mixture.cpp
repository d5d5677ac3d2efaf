#include "kernels/gaussian_mixture.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/shape.h"
#include "kernels/logistic_mixture.h"

namespace diffeo {
namespace {

const double kLogRootTwoPi = 0.5 * std::log(2 * M_PI);

Tensor normal_log_density(const Tensor& z) { return -0.5 * z.square() - kLogRootTwoPi; }

// Of the components, [B, C, K, ...] each, in double precision.
struct Gaussians {
  Tensor log_weights, means, log_deviations;
};

Gaussians read_gaussians(const Tensor& x, const Tensor& raw, int64_t components) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.insert(sizes.begin() + 2, 3 * components);
  Tensor numbers = raw.reshape(sizes).to(at::kDouble);
  auto part = [&](int64_t i) { return numbers.narrow(2, i * components, components); };
  return {part(0).log_softmax(2), part(1), part(2).clamp_min(kSmallestLogScale)};
}

// Logarithms of the mixture's CDF, survival and density, each shaped as x.
struct LogParts {
  Tensor cdf, survival, density;
};

LogParts log_parts(const Tensor& x, const Gaussians& g) {
  Tensor z = (x.unsqueeze(2) - g.means) * (-g.log_deviations).exp();
  return {(g.log_weights + at::special_log_ndtr(z)).logsumexp(2),
          (g.log_weights + at::special_log_ndtr(-z)).logsumexp(2),
          (g.log_weights + normal_log_density(z) - g.log_deviations).logsumexp(2)};
}

// -d/dr log Phi(-r)
Tensor hazard(const Tensor& r) { return (normal_log_density(r) - at::special_log_ndtr(-r)).exp(); }

constexpr double kSmallestLogOfNumber = -700;  // below it exp() would be denormal
constexpr int kQuantileSteps = 4;              // Newton's; each doubles the digits

// r >= 0 with log Phi(-r) = t, t <= log 1/2. Where the probability itself is no number any more,
// the search begins at the tail's expansion. Autograd sees the last step alone, which is the
// implicit function theorem.
Tensor tail_quantile(const Tensor& t) {
  Tensor r;
  {
    at::NoGradGuard no_grad;
    Tensor within = t.clamp_min(kSmallestLogOfNumber);
    Tensor far = (-2 * t).clamp_min(-kSmallestLogOfNumber);
    r = at::where(t > kSmallestLogOfNumber, -at::special_ndtri(within.exp()),
                  (far - far.log() - 2 * kLogRootTwoPi).sqrt());
    for (int step = 0; step < kQuantileSteps; ++step)
      r = r + (at::special_log_ndtr(-r) - t) / hazard(r);
  }
  return r + (at::special_log_ndtr(-r) - t) / hazard(r);
}

struct ValueAndSlope {
  Tensor y, log_slope;  // each shaped as x
};

ValueAndSlope mixture_value(const Tensor& x, const Gaussians& g) {
  LogParts log = log_parts(x, g);
  Tensor lower = log.cdf < log.survival;
  Tensor tail = tail_quantile(at::where(lower, log.cdf, log.survival));
  Tensor y = at::where(lower, -tail, tail);
  return {y, log.density - normal_log_density(y)};
}

constexpr int kRootSteps = 120;  // the bracket halves at every second one

// The logit of the CDF tells the root as well as y does, and costs no quantile. The smallest and
// the largest component's quantile are on its two sides.
Tensor mixture_root(const Tensor& y, const Gaussians& g) {
  at::NoGradGuard no_grad;
  Tensor v = at::special_log_ndtr(y) - at::special_log_ndtr(-y);
  Tensor quantiles = g.means + g.log_deviations.exp() * y.unsqueeze(2);
  Tensor low = quantiles.amin(2), high = quantiles.amax(2), x = low + (high - low) / 2;
  for (int step = 0; step < kRootSteps; ++step) {
    LogParts log = log_parts(x, g);
    Tensor miss = log.cdf - log.survival - v, above = miss > 0;
    high = at::where(above, x, high);
    low = at::where(above, low, x);
    Tensor newton = x - miss * (log.cdf + log.survival - log.density).exp();
    Tensor middle = low + (high - low) / 2, takes = at::logical_and(newton > low, newton < high);
    x = step % 2 == 1 ? middle : at::where(takes, newton, middle);
  }
  return x;
}

}  // namespace

std::pair<Tensor, Tensor> gaussian_mixture(const Tensor& x, const Tensor& raw, int64_t components) {
  ValueAndSlope value = mixture_value(x.to(at::kDouble), read_gaussians(x, raw, components));
  return {value.y.to(x.scalar_type()), sum_events(value.log_slope).to(x.scalar_type())};
}

// Autograd sees one step of Newton's method from the root.
Tensor gaussian_mixture_inverse(const Tensor& y, const Tensor& raw, int64_t components) {
  Gaussians g = read_gaussians(y, raw, components);
  Tensor v = y.to(at::kDouble), x = mixture_root(v, g);
  if (!at::GradMode::is_enabled()) return x.to(y.scalar_type());
  ValueAndSlope at_root = mixture_value(x, g);
  return (x + (v - at_root.y) * (-at_root.log_slope.detach()).exp()).to(y.scalar_type());
}

}  // namespace diffeo
