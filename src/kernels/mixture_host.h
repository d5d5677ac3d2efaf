#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace diffeo {

// The loops of logistic_mixture.h on the host. All tensors contiguous, of one precision, none
// recorded by autograd.

std::pair<at::Tensor, at::Tensor> mixture_host(const at::Tensor& x, const at::Tensor& raw,
                                               int64_t components);

// Derivatives of sum(by_y * y) + sum(by_log_det * log_det) with respect to x and raw.
std::pair<at::Tensor, at::Tensor> mixture_gradient_host(const at::Tensor& x, const at::Tensor& raw,
                                                        int64_t components, const at::Tensor& by_y,
                                                        const at::Tensor& by_log_det);

at::Tensor mixture_inverse_host(const at::Tensor& y, const at::Tensor& raw, int64_t components);
at::Tensor mixture_evaluations_host(const at::Tensor& y, const at::Tensor& raw, int64_t components);

}  // namespace diffeo
