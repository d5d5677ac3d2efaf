#pragma once

#include "kernels/dropout.h"

namespace diffeo {

// ELU of [x, -x] along dimension 1, and a dropout of it: [B, C, ...] -> [B, 2 C, ...] (flowpp,
// nn.py). Of the two halves of an element one is |x| and the other exp(-|x|) - 1. Keeps x and the
// mask for the backward pass.
at::Tensor concat_elu(const at::Tensor& x, const Dropout& dropout = {},
                      InstructionSet set = best_instructions());
at::Tensor concat_elu_aten(const at::Tensor& x, const Dropout& dropout = {});

}  // namespace diffeo
