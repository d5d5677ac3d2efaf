#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"

namespace diffeo {

// Multi-head attention of all positions to all (Vaswani et al. 2017), [B, 3 F, ...] -> [B, F, ...]:
// softmax(q . k / sqrt(F / heads)) v. The thirds of the channels are queries, keys and values, each
// with its heads one behind the other. Keeps `projected`, the result and the logarithm of each
// query's sum for the backward pass; the scores are never in memory together.
at::Tensor attention(const at::Tensor& projected, int64_t heads,
                     InstructionSet set = best_instructions());
at::Tensor attention_aten(const at::Tensor& projected, int64_t heads);

}  // namespace diffeo
