#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"

namespace diffeo {

// x + a sigmoid(b), a and b the halves of raw's channels: x [B, C, ...], raw [B, 2 C, ...]. Keeps
// raw alone for the backward pass.
at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& raw,
                     InstructionSet set = best_instructions());
at::Tensor gated_sum_aten(const at::Tensor& x, const at::Tensor& raw);

}  // namespace diffeo
