#include "core/philox.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace diffeo {
namespace {

// The two halves of the key in every round.
struct RoundKeys {
  uint64_t low[kPhiloxRounds], high[kPhiloxRounds];

  explicit RoundKeys(uint64_t key) {
    uint32_t l = static_cast<uint32_t>(key), h = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round, l += kPhiloxLowStep, h += kPhiloxHighStep) {
      low[round] = l;
      high[round] = h;
    }
  }
};

void plain_group(uint64_t key, uint64_t group, uint32_t* words) {
  uint64_t first = group * kPhiloxLanes;
  for (uint32_t lane = 0; lane < kPhiloxLanes; ++lane) {
    PhiloxWords drawn =
        philox({static_cast<uint32_t>(first) + lane, static_cast<uint32_t>(first >> 32), 0, 0},
               {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
    for (int i = 0; i < 4; ++i) words[i * kPhiloxLanes + lane] = drawn[i];
  }
}

#if defined(__x86_64__)

// The registers hold lanes of 64 bits of which only the lower halves count: the product of two
// lower halves is one instruction, and whatever stands in an upper half is never read. One register
// has even counters and the next one the odd ones, so that in the end a shift and a blend put the
// words side by side. Four registers go through the rounds together, because each waits for its
// products most of the time. Written out for each instruction set, because a compiler that is left
// to find this multiplies whole lanes, at three times the cost.

using Lanes8 [[gnu::vector_size(64)]] = uint64_t;
using Lanes4 [[gnu::vector_size(32)]] = uint64_t;

[[gnu::target("avx512f")]] void avx512_group(const RoundKeys& keys, uint64_t group,
                                             uint32_t* words) {
  const Lanes8 none{}, by_first = none + kPhiloxFirst, by_second = none + kPhiloxSecond;
  uint64_t first = group * kPhiloxLanes;
  Lanes8 even = first + Lanes8{0, 2, 4, 6, 8, 10, 12, 14}, high = none + (first >> 32);
  Lanes8 w[4][4] = {{even, high, none, none},
                    {even + 1, high, none, none},
                    {even + 16, high, none, none},
                    {even + 17, high, none, none}};
#pragma GCC unroll 10
  for (int round = 0; round < kPhiloxRounds; ++round) {
    for (auto& x : w) {
      auto a = Lanes8(_mm512_maskz_mul_epu32(0xff, __m512i(x[0]), __m512i(by_first)));
      auto b = Lanes8(_mm512_maskz_mul_epu32(0xff, __m512i(x[2]), __m512i(by_second)));
      x[0] = b >> 32 ^ x[1] ^ keys.low[round];
      x[1] = b;
      x[2] = a >> 32 ^ x[3] ^ keys.high[round];
      x[3] = a;
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int half : {0, 1}) {
      auto both = _mm512_mask_blend_epi32(0xaaaa, __m512i(w[2 * half][i]),
                                          __m512i(w[2 * half + 1][i] << 32));
      _mm512_storeu_si512(words + i * kPhiloxLanes + 16 * half, both);
    }
  }
}

[[gnu::target("avx2")]] void avx2_half(const RoundKeys& keys, uint64_t first, uint32_t* words) {
  const Lanes4 none{}, by_first = none + kPhiloxFirst, by_second = none + kPhiloxSecond;
  Lanes4 even = first + Lanes4{0, 2, 4, 6}, high = none + (first >> 32);
  Lanes4 w[4][4] = {{even, high, none, none},
                    {even + 1, high, none, none},
                    {even + 8, high, none, none},
                    {even + 9, high, none, none}};
#pragma GCC unroll 10
  for (int round = 0; round < kPhiloxRounds; ++round) {
    for (auto& x : w) {
      auto a = Lanes4(_mm256_mul_epu32(__m256i(x[0]), __m256i(by_first)));
      auto b = Lanes4(_mm256_mul_epu32(__m256i(x[2]), __m256i(by_second)));
      x[0] = b >> 32 ^ x[1] ^ keys.low[round];
      x[1] = b;
      x[2] = a >> 32 ^ x[3] ^ keys.high[round];
      x[3] = a;
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int half : {0, 1}) {
      auto both =
          _mm256_blend_epi32(__m256i(w[2 * half][i]), __m256i(w[2 * half + 1][i] << 32), 0xaa);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(words + i * kPhiloxLanes + 8 * half), both);
    }
  }
}

void avx2_group(const RoundKeys& keys, uint64_t group, uint32_t* words) {
  for (int half = 0; half < kPhiloxLanes; half += 16)
    avx2_half(keys, group * kPhiloxLanes + half, words + half);
}

#endif

}  // namespace

void philox_groups(uint64_t key, uint64_t group, int count, uint32_t* words, InstructionSet set) {
  RoundKeys keys(key);
  for (uint64_t end = group + count; group < end; ++group, words += kGroupWords) {
#if defined(__x86_64__)
    if (set == InstructionSet::kAvx512) avx512_group(keys, group, words);
    if (set == InstructionSet::kAvx2) avx2_group(keys, group, words);
#endif
    if (set == InstructionSet::kPlain) plain_group(key, group, words);
  }
}

}  // namespace diffeo
