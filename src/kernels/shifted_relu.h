#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"

namespace diffeo {

// h = max(0, h + shift) in place, for images h [B, C, H, W] whose channels stand last and a shift
// [1, C, H, W] or [1, C, 1, 1]: what follows a convolution. The output alone is kept for the
// backward pass. On the host one pass each way, that backward with the shift's gradient; on other
// devices (and under DIFFEO_KERNELS=plain, plain_kernels.h) tensor operations.
at::Tensor shifted_relu_(const at::Tensor& h, const at::Tensor& shift);

// max(0, weight h + shift) with a matrix over the channels, weight [outputs, C]: a 1x1 convolution
// as one matrix product over all positions, shift [outputs, 1, 1]; or a dense layer on vectors h
// [B, C], shift [outputs]; and the same ReLU.
at::Tensor pointwise_relu(const at::Tensor& h, const at::Tensor& weight, const at::Tensor& shift);

// The loops, on tensors that autograd does not record; `shift` has its channels last too.
void shifted_relu_host_(const at::Tensor& h, const at::Tensor& shift,
                        InstructionSet set = best_instructions());

struct ShiftedReluGradient {
  at::Tensor by_h, by_shift;
};

// From the output, and the shape of the shift.
ShiftedReluGradient shifted_relu_gradient_host(const at::Tensor& y, at::IntArrayRef shift_sizes,
                                               const at::Tensor& by_y,
                                               InstructionSet set = best_instructions());

}  // namespace diffeo
