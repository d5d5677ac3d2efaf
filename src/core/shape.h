#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

namespace diffeo {

using at::Tensor;

// Size of one example, batch dimension excluded: {D} for vectors, {C, H, W} for images.
using Shape = std::vector<int64_t>;

// Throws where the number does not fit 64 bits.
int64_t numel(const Shape& shape);
std::string to_string(const Shape& shape);  // "[3, 32, 32]"

// Size of the examples in a batched tensor: sizes() without the first entry.
Shape event_shape(const Tensor& batched);

// {B} followed by `shape`.
std::vector<int64_t> batched(int64_t batch, const Shape& shape);

// Sums every dimension but the first: [B, ...] -> [B].
Tensor sum_events(const Tensor& x);

// The first example [...] of a batch with a number that is not finite. Waits for the device.
std::optional<int64_t> first_not_finite(const Tensor& batch);

// A zero for each example: [B, ...] -> [B]. The log_det of a map that keeps volumes.
Tensor zero_log_det(const Tensor& x);

}  // namespace diffeo
