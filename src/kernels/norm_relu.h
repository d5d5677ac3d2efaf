#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"

namespace diffeo {

// y = max(0, (x - mean) / sqrt(variance + epsilon) + beta) for images [B, C, H, W], with a mean,
// variance and beta [C, 1, 1] for each channel: RealNVP's batch norm and the ReLU behind it.
// Nothing is kept for the backward pass but x and the moments. On the host x is read and y written
// with the channels last, a pass over x for the moments, one for y, and two for the gradient; on
// other devices (and under DIFFEO_KERNELS=plain, plain_kernels.h) tensor operations.

struct NormRelu {
  at::Tensor y, mean, variance;
};

// With the mean and (biased) variance of the batch, which y's gradient goes through. They are
// returned without a gradient of their own.
NormRelu norm_relu(const at::Tensor& x, const at::Tensor& beta, double epsilon);

// With moments from elsewhere, which get no gradient.
at::Tensor norm_relu_by(const at::Tensor& x, const at::Tensor& beta, const at::Tensor& mean,
                        const at::Tensor& variance, double epsilon);

}  // namespace diffeo
