#pragma once

namespace diffeo {

// What a loop over numbers is compiled for: whatever the build's flags allow; AVX2 with FMA;
// AVX-512 with F, DQ, BW and VL.
enum class InstructionSet { kPlain, kAvx2, kAvx512 };

// Whether this processor has it.
bool has_instructions(InstructionSet set);

// The one that LibTorch's own loops take: the widest that this processor has, unless
// ATEN_CPU_CAPABILITY (default, avx2, avx512) names one. Read once.
InstructionSet best_instructions();

}  // namespace diffeo
