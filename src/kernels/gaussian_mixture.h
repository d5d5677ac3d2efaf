#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace diffeo {

// y = Phi^-1(F(x)) elementwise, F the CDF of a mixture of K Gaussians and Phi that of the standard
// one, so that under a normal base x has the mixture's density itself (Papamakarios et al. 2017,
// MAF MoG). For each element 3 K numbers stand in `raw` as kernels/logistic_mixture.h has them, an
// element's own together: K logits of the weights, K means, K logs of deviations, these held at
// kSmallestLogScale from below. Tensor operations in double precision, finite far into both tails.

// {y, log_det [B]}, differentiable once.
std::pair<at::Tensor, at::Tensor> gaussian_mixture(const at::Tensor& x, const at::Tensor& raw,
                                                   int64_t components);

// x with gaussian_mixture(x) = y, to round-off. Differentiable once.
at::Tensor gaussian_mixture_inverse(const at::Tensor& y, const at::Tensor& raw, int64_t components);

}  // namespace diffeo
