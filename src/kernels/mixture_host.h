#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "core/instruction_set.h"

namespace diffeo {

// logistic_mixture.h on the host: as many elements at once as a register has lanes, one after the
// other through the components. The tensors are of one precision, none recorded by autograd;
// contiguous, but for `raw`, of which mixture_host_reads() holds. The results do not depend on the
// number of threads.

// Contiguous, or images with the channels last.
bool mixture_host_reads(const at::Tensor& raw);

// {y, log_det [B]}.
std::pair<at::Tensor, at::Tensor> mixture_host(const at::Tensor& x, const at::Tensor& raw,
                                               int64_t components,
                                               InstructionSet set = best_instructions());

// Derivatives of sum(by_y * y) + sum(by_log_det * log_det) with respect to x and raw, that with
// raw's strides.
std::pair<at::Tensor, at::Tensor> mixture_gradient_host(const at::Tensor& x, const at::Tensor& raw,
                                                        int64_t components, const at::Tensor& by_y,
                                                        const at::Tensor& by_log_det,
                                                        InstructionSet set = best_instructions());

at::Tensor mixture_inverse_host(const at::Tensor& y, const at::Tensor& raw, int64_t components,
                                InstructionSet set = best_instructions());

// int64, shaped as y: how often the inverse of each element evaluates the mixture.
at::Tensor mixture_evaluations_host(const at::Tensor& y, const at::Tensor& raw, int64_t components,
                                    InstructionSet set = best_instructions());

}  // namespace diffeo
