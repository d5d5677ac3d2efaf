#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace diffeo {

constexpr double kSmallestLogScale = -7;

// y = exp(s) logit(F(x)) + t elementwise, F the CDF of a mixture of K logistics (Ho et al. 2019,
// section 3.2; flowpp, MixLogisticCoupling). For each element the 2 + 3 K numbers stand in `raw` as
// a convolution writes them, [B, C (2 + 3 K), H, W] or [B, D (2 + 3 K)], an element's own together:
// r with s = tanh(r), then t, K logits, K means, K log-scales, these held at kSmallestLogScale from
// below. Finite for every finite input whose result is, in both precisions and both tails.
//
// Nothing is kept for the backward pass but x and raw. On the host one pass over the components,
// for several elements at once, and channels that stand last are read where they are; on other
// devices (and under DIFFEO_KERNELS=plain, plain_kernels.h) tensor operations, whose memory grows
// with the components while they run.

// {y, log_det [B]}, differentiable once.
std::pair<at::Tensor, at::Tensor> logistic_mixture(const at::Tensor& x, const at::Tensor& raw,
                                                   int64_t components);

// x with logistic_mixture(x) = y, to round-off. Differentiable once, by the implicit function
// theorem.
at::Tensor logistic_mixture_inverse(const at::Tensor& y, const at::Tensor& raw, int64_t components);

// How many evaluations of the mixture the host's inverse of each element takes: shaped as y, int64,
// on the host.
at::Tensor logistic_mixture_evaluations(const at::Tensor& y, const at::Tensor& raw,
                                        int64_t components);

}  // namespace diffeo
