#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"
#include "kernels/affine_coupling.h"

namespace diffeo {

// affine_coupling.h on the host. Tensors are of one precision, none recorded by autograd; images
// are all contiguous or all have their channels last. The results do not depend on the number of
// threads.

Coupled affine_coupling_host(const at::Tensor& x, const at::Tensor& raw, const CouplingForm& form,
                             InstructionSet set = best_instructions());

struct CouplingGradient {
  at::Tensor by_x, by_raw;
  at::Tensor by_gain, by_offset;  // scalars, of ScaleForm::kRealNvp
};

// Of sum(by_y * y) + sum(by_log_det * log_det), from what the coupling returned.
CouplingGradient affine_coupling_gradient_host(const at::Tensor& y, const at::Tensor& raw,
                                               const CouplingForm& form, const at::Tensor& by_y,
                                               const at::Tensor& by_log_det,
                                               InstructionSet set = best_instructions());

}  // namespace diffeo
