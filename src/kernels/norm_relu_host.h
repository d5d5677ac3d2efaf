#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"
#include "kernels/norm_relu.h"

namespace diffeo {

// norm_relu.h on the host, for images with the channels last (has_rows() in row_loops.h), of one
// precision and not recorded by autograd. Sums over rows are exact to about the rounding of the
// numbers, whatever the size of their mean, and do not depend on the number of threads.

// A mean and a number beside it for each channel, [C, 1, 1] each.
struct ChannelPair {
  at::Tensor first, second;
};

// {mean, biased variance}, from one pass over x.
ChannelPair channel_moments_host(const at::Tensor& x, InstructionSet set = best_instructions());

// `scale`: 1 / sqrt(variance + epsilon), [C, 1, 1].
at::Tensor norm_relu_host(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& scale,
                          const at::Tensor& beta, InstructionSet set = best_instructions());

struct NormReluGradient {
  at::Tensor by_x, by_beta;
};

// `follows_moments`: whether mean and scale are those of x itself.
NormReluGradient norm_relu_gradient_host(const at::Tensor& x, const at::Tensor& mean,
                                         const at::Tensor& scale, const at::Tensor& beta,
                                         const at::Tensor& by_y, bool follows_moments,
                                         InstructionSet set = best_instructions());

}  // namespace diffeo
