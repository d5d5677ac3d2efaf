#include "data/mixture.h"

#include <ATen/ATen.h>

#include <cmath>

#include "data/host.h"

namespace diffeo {

// |x - c|^2 is taken apart, so that the work is one matrix product. Its rounding is that of |x|^2.
Tensor log_mixture(const Tensor& x, const Tensor& centres, const Tensor& log_weights,
                   double deviation) {
  double variance = deviation * deviation;
  auto halved = [&](const Tensor& points) { return points.square().sum(1) / (2 * variance); };
  Tensor offsets = (log_weights - halved(centres)).to(x.device());
  Tensor exponents = at::addmm(offsets, x / variance, centres.to(x.device()).t());
  return exponents.logsumexp(1) - halved(x) - std::log(2 * M_PI * variance);
}

// Newton's method on the Legendre polynomial, all roots at once.
std::pair<Tensor, Tensor> gauss_legendre(int64_t count, double low, double high) {
  Tensor x =
      (M_PI * (at::arange(count, host_options(at::kDouble)) + 0.75) / (count + 0.5)).cos().neg();
  Tensor slope;
  for (int iteration = 0; iteration < 8; ++iteration) {
    Tensor value = x, before = at::ones_like(x);
    for (int64_t k = 2; k <= count; ++k) {
      std::tie(value, before) = std::pair(((2 * k - 1) * x * value - (k - 1) * before) / k, value);
    }
    slope = count * (before - x * value) / (1 - x.square());
    x = x - value / slope;
  }
  Tensor weights = 2 / ((1 - x.square()) * slope.square());
  double half = (high - low) / 2;
  return {low + half * (x + 1), half * weights};
}

}  // namespace diffeo
