#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"

namespace diffeo {

constexpr double kLayerNormEpsilon = 1e-5;

// Layer norm over the channels at each position: y = gain (x - m) / sqrt(v + epsilon) + bias, m and
// v the mean and variance of the position's channels. x [B, C, ...]; gain and bias have C numbers.
// Keeps x and gain alone for the backward pass.
at::Tensor channel_layer_norm(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& bias,
                              InstructionSet set = best_instructions());
at::Tensor channel_layer_norm_aten(const at::Tensor& x, const at::Tensor& gain,
                                   const at::Tensor& bias);

}  // namespace diffeo
