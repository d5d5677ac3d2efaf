#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"

namespace diffeo {

// How a coupling's raw output r becomes the logarithm of a scale.
enum class ScaleForm {
  kGlow,     // log sigmoid(r + 2); raw has shift and r of a channel side by side (openai/glow)
  kExp,      // r; raw has all shifts, then all r
  kRealNvp,  // gain tanh(r) [+ offset]; raw as of kExp (laurent-dinh/models, real_nvp)
};

struct CouplingForm {
  ScaleForm scale;
  bool keeps_first = true;            // the leading channels, ceil(C / 2), or the others
  at::Tensor gain = {}, offset = {};  // of kRealNvp, scalars; an undefined offset is none
};

struct Coupled {
  at::Tensor y, log_det;  // as x; [B]
};

// An affine coupling over the channels of x [B, C, ...] as one operation: y is x where it is kept
// and (x + shift) exp(log scale) elsewhere; log_det sums the log scales. raw [B, 2 C', ...] for C'
// channels that change. Differentiable once with respect to x, raw, gain and offset; nothing is
// kept for that but y and raw. On the host one pass over the numbers each way, whether the channels
// stand first or last; on other devices (and under DIFFEO_KERNELS=plain, plain_kernels.h) tensor
// operations.
Coupled affine_coupling(const at::Tensor& x, const at::Tensor& raw, const CouplingForm& form);

}  // namespace diffeo
