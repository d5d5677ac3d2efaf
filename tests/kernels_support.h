#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/instruction_set.h"

namespace diffeo {

// Those that this processor has.
inline std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (auto set : {InstructionSet::kPlain, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (has_instructions(set)) sets.push_back(set);
  }
  return sets;
}

// The largest, relative to what is larger than 1.
inline double deviation(const at::Tensor& ours, const at::Tensor& theirs) {
  if (theirs.numel() == 0) return 0;
  at::Tensor exact = theirs.to(at::kDouble);
  return ((ours.to(at::kDouble) - exact).abs() / exact.abs().clamp_min(1)).max().item<double>();
}

}  // namespace diffeo
