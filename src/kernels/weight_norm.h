#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"

namespace diffeo {

// g V / |V|, the norm over all but the first dimension (Salimans & Kingma 2016), |V|^2 held at
// 1e-12 from below: V [O, ...], g [O]. Keeps V and g alone for the backward pass.
at::Tensor weight_normalised(const at::Tensor& v, const at::Tensor& g,
                             InstructionSet set = best_instructions());
at::Tensor weight_normalised_aten(const at::Tensor& v, const at::Tensor& g);

}  // namespace diffeo
