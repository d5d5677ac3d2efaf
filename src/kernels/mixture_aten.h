#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace diffeo {

// logistic_mixture.h in tensor operations, for any device; the host's loops are tested against it.
// Its memory grows with the number of components. {y, log_det [B]}.
std::pair<at::Tensor, at::Tensor> mixture_aten(const at::Tensor& x, const at::Tensor& raw,
                                               int64_t components);

// {by x, by raw}: the gradient of sum(by_y y) + sum(by_log_det log_det). The components' terms are
// made anew for it and live no longer than the call.
std::pair<at::Tensor, at::Tensor> mixture_gradient_aten(const at::Tensor& x, const at::Tensor& raw,
                                                        int64_t components, const at::Tensor& by_y,
                                                        const at::Tensor& by_log_det);

// Bisection and Newton's method for all elements together, as many steps as exhaust the precision:
// nothing is read back.
at::Tensor mixture_inverse_aten(const at::Tensor& y, const at::Tensor& raw, int64_t components);

}  // namespace diffeo
