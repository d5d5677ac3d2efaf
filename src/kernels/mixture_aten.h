#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace diffeo {

// logistic_mixture.h in tensor operations, for any device; the host's loops are tested against it. Its memory grows with
// the number of components.
std::pair<at::Tensor, at::Tensor> mixture_aten(const at::Tensor& x, const at::Tensor& raw, int64_t components);

// Bisection and Newton's method for all elements together, as many steps as exhaust the precision: nothing is read back.
at::Tensor mixture_inverse_aten(const at::Tensor& y, const at::Tensor& raw, int64_t components);

}  // namespace diffeo
