#include "nets/batch_start.h"

#include <ATen/ATen.h>

#include <limits>

namespace diffeo {
namespace {

double rounding_of(const Tensor& x) {
  return x.scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                        : std::numeric_limits<float>::epsilon();
}

}  // namespace

int64_t positions_of(const Shape& shape) { return numel(shape) / shape[0]; }

Tensor root_mean_square(const Tensor& x, int64_t dim) {
  Tensor largest = x.abs().amax(dim, /*keepdim=*/true);
  Tensor unit = largest.masked_fill(largest == 0, 1);
  return (x / unit).square().mean(dim, /*keepdim=*/true).sqrt() * unit;
}

// A sum of equal numbers, divided by their count, may be off by a few units in the last place: that
// much of a deviation says nothing.
Tensor start_epsilon(const Tensor& deviation, const Tensor& mean, double published, double share) {
  Tensor is_constant = deviation <= 4 * rounding_of(mean) * mean.abs();
  return (share * deviation).clamp_max(published).masked_fill(is_constant, published);
}

}  // namespace diffeo
