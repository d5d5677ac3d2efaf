#include "core/instruction_set.h"

#include <ATen/Version.h>

#include <string>

namespace diffeo {
namespace {

// A name that the processor has not is LibTorch's to regret, not a reason to crash here.
InstructionSet chosen() {
  std::string name = at::get_cpu_capability();
  if (name == "AVX512" && has_instructions(InstructionSet::kAvx512)) return InstructionSet::kAvx512;
  if (name.starts_with("AVX") && has_instructions(InstructionSet::kAvx2))
    return InstructionSet::kAvx2;
  return InstructionSet::kPlain;
}

}  // namespace

bool has_instructions([[maybe_unused]] InstructionSet set) {
#if defined(__x86_64__)
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (set == InstructionSet::kAvx2) return avx2;
  if (set == InstructionSet::kAvx512) {
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  }
#endif
  return set == InstructionSet::kPlain;
}

InstructionSet best_instructions() {
  static const InstructionSet best = chosen();
  return best;
}

}  // namespace diffeo
