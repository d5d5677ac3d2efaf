#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"
#include "kernels/adam_loop.h"

namespace diffeo {

// One step of Adam or of a kin over flat buffers [N], in place; the gradient is used up.
// `admitted`: one number of the weights' type, 1, or 0 to leave weights and means as they are. On
// the host one pass over the buffers; on other devices (and under DIFFEO_KERNELS=plain,
// plain_kernels.h) tensor operations, which wait for nothing.
void adam_step(const at::Tensor& weights, const at::Tensor& gradient, const at::Tensor& m,
               const at::Tensor& v, const AdamStep& step, const at::Tensor& admitted);

// The two, where the step is admitted.
void adam_step_plain(const at::Tensor& weights, const at::Tensor& gradient, const at::Tensor& m,
                     const at::Tensor& v, const AdamStep& step, const at::Tensor& admitted);
void adam_step_host(const at::Tensor& weights, const at::Tensor& gradient, const at::Tensor& m,
                    const at::Tensor& v, const AdamStep& step,
                    InstructionSet set = best_instructions());

}  // namespace diffeo
