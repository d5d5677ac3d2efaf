#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "core/instruction_set.h"
#include "kernels/spline.h"

namespace diffeo {

// spline.h on the host: as many elements at once as a register has lanes, one after the other
// through the bins, in the precision of x. The tensors are contiguous, of one precision, none
// recorded by autograd. The results do not depend on the number of threads.

// {y, log_det [B]}.
std::pair<at::Tensor, at::Tensor> spline_host(const at::Tensor& x, const at::Tensor& raw,
                                              const Spline& spline,
                                              InstructionSet set = best_instructions());

// Derivatives of sum(by_y * y) + sum(by_log_det * log_det) with respect to x and raw.
std::pair<at::Tensor, at::Tensor> spline_gradient_host(const at::Tensor& x, const at::Tensor& raw,
                                                       const Spline& spline, const at::Tensor& by_y,
                                                       const at::Tensor& by_log_det,
                                                       InstructionSet set = best_instructions());

at::Tensor spline_inverse_host(const at::Tensor& y, const at::Tensor& raw, const Spline& spline,
                               InstructionSet set = best_instructions());

}  // namespace diffeo
