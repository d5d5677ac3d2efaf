#pragma once

#include <cstdint>

#include "core/instruction_set.h"

namespace diffeo {

// A loop written once and compiled for each instruction set. `loop.template run<kBytes>(begin,
// end)` works with registers of so many bytes; it and all that takes or returns one must be
// [[gnu::always_inline]], lambdas included, to be compiled for the set of these functions.

#if defined(__x86_64__)
template <class Loop>
[[gnu::target("avx2,fma")]] void run_avx2(const Loop& loop, int64_t begin, int64_t end) {
  loop.template run<32>(begin, end);
}

template <class Loop>
[[gnu::target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]] void run_avx512(const Loop& loop,
                                                                               int64_t begin,
                                                                               int64_t end) {
  loop.template run<64>(begin, end);
}
#endif

template <class Loop>
void run_loop(InstructionSet set, const Loop& loop, int64_t begin, int64_t end) {
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx512) return run_avx512(loop, begin, end);
  if (set == InstructionSet::kAvx2) return run_avx2(loop, begin, end);
#endif
  loop.template run<16>(begin, end);
}

}  // namespace diffeo
