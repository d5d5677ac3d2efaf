#pragma once

#include <ATen/Parallel.h>

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

// Divides 0 … size - 1 among the threads. What the loop writes must not depend on where it is
// divided. `cost`: about how many numbers one of them reads; few of them are not worth a thread.
template <class Loop>
void run_in_threads(InstructionSet set, const Loop& loop, int64_t size, int64_t cost = 1) {
  constexpr int64_t kNumbersOfThread = 1 << 15;
  at::parallel_for(0, size, 1 + kNumbersOfThread / (1 + cost),
                   [&](int64_t begin, int64_t end) { run_loop(set, loop, begin, end); });
}

}  // namespace diffeo
