#include "core/shape.h"

#include <ATen/ATen.h>

#include "core/error.h"

#include "core/listed.h"

namespace diffeo {

int64_t numel(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    require(!__builtin_mul_overflow(count, size, &count), to_string(shape),
            ": its number of elements does not fit 64 bits");
  }
  return count;
}

std::string to_string(const Shape& shape) { return "[" + listed(shape) + "]"; }

Shape event_shape(const Tensor& batched) {
  return {batched.sizes().begin() + 1, batched.sizes().end()};
}

std::vector<int64_t> batched(int64_t batch, const Shape& shape) {
  std::vector<int64_t> sizes{batch};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return sizes;
}

Tensor sum_events(const Tensor& x) { return x.flatten(1).sum(1); }

std::optional<int64_t> first_not_finite(const Tensor& batch) {
  Tensor bad = batch.isfinite().flatten(1).all(1).logical_not().nonzero();
  return bad.numel() > 0 ? std::optional(bad[0][0].item<int64_t>()) : std::nullopt;
}

Tensor zero_log_det(const Tensor& x) { return x.new_zeros({x.size(0)}); }

}  // namespace diffeo
