#pragma once

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

}  // namespace diffeo
