#include "core/draws.h"

#include <algorithm>
#include <bit>
#include <cmath>

// CMakeLists.txt says with which options this file is compiled, on which the same bits in every
// instruction set depend.

namespace diffeo {
namespace {

struct Uniforms {
  using Number = float;
  static constexpr int kGroups = 1, kCount = kGroupWords;  // of words, and the numbers from them

  [[gnu::always_inline]] inline void operator()(const uint32_t* words, float* out) const {
    for (int i = 0; i < kGroupWords; ++i) out[i] = static_cast<float>(words[i] >> 8) * 0x1p-24f;
  }
};

// -log2(k / 2^31) for 0 < k < 2^31. k = 2^(31 - e) m with m in (1/sqrt(2), sqrt(2)]; with x = m - 1
// the rest is x times a polynomial, whose relative error of 1.1e-6 is the least that one of degree
// 6 can have. So the result errs little where it is small, and is never negative.
[[gnu::always_inline]] inline float minus_log2(int32_t k) {
  constexpr int32_t kRootTwo = 0x3fb504f3 + (31 << 23);  // the bits of sqrt(2) 2^31
  int32_t bits = std::bit_cast<int32_t>(static_cast<float>(k));
  int32_t e = (kRootTwo - bits) >> 23;
  float x = std::bit_cast<float>(bits + ((e - 31) << 23)) - 1;
  float p = -0.171624579f;
  p = p * x + 0.269320221f;
  p = p * x - 0.295699518f;
  p = p * x + 0.359371643f;
  p = p * x - 0.480626768f;
  p = p * x + 0.721363576f;
  p = p * x - 1.44269644f;
  return static_cast<float>(e) + p * x;
}

struct Pair {
  float first, second;
};

// sqrt(2 log(2)) (cos, sin) of the angle (1/2 + t) pi/2 with t in [-1/2, 1/2): (c - s, c + s) where
// c and s are sqrt(log(2)) times cosine and sine of t pi/2, by the polynomials of their degrees
// that err least, by 1.5e-6.
[[gnu::always_inline]] inline Pair on_arc(float t) {
  float z = t * t;
  float sine = t * (1.30777175f + z * (-0.53766214f + z * 0.0648892475f));
  float cosine = 0.832554588f + z * (-1.02712013f + z * (0.21113472f - z * 0.0169910681f));
  return {cosine - sine, cosine + sine};
}

[[gnu::always_inline]] inline float with_sign(float x, uint32_t sign_bit) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(x) ^ (sign_bit & 0x80000000));
}

// Two independent normals, sqrt(-2 log u) times cosine and sine of an angle. Of `radius` 31 bits
// are u, the last one set so that it is never 0, and the first is the sine's sign. `sign` has the
// cosine's in its first bit. `place` has in its bits 8 to 22 where in the quadrant the angle is, in
// the middle of one of 2^15 steps: the density of a normal is a mean over the angles, and over
// evenly spaced ones the mean of a smooth periodic function is exact.
[[gnu::always_inline]] inline Pair normal_pair(uint32_t radius, uint32_t place, uint32_t sign) {
  float length = std::sqrt(minus_log2(static_cast<int32_t>((radius & 0x7fffffff) | 1)));
  Pair arc = on_arc(std::bit_cast<float>((place & 0x7fff00) | 0x3f800080) - 1.5f);
  return {with_sign(length * arc.first, sign), with_sign(length * arc.second, radius)};
}

// Four numbers from three words: two radii, and two angles in the halves of the third. Words are
// what a normal costs most.
struct Normals {
  using Number = float;
  static constexpr int kGroups = 3, kCount = 4 * kGroupWords;

  [[gnu::always_inline]] inline void operator()(const uint32_t* words, float* out) const {
    for (int part = 0; part < 4; ++part, words += 3 * kPhiloxLanes, out += 4 * kPhiloxLanes) {
      for (int i = 0; i < kPhiloxLanes; ++i) {
        uint32_t angles = words[i + 2 * kPhiloxLanes];
        Pair one = normal_pair(words[i], angles << 8, angles << 16);
        Pair other = normal_pair(words[i + kPhiloxLanes], angles >> 8, angles);
        out[i] = one.first;
        out[i + kPhiloxLanes] = one.second;
        out[i + 2 * kPhiloxLanes] = other.first;
        out[i + 3 * kPhiloxLanes] = other.second;
      }
    }
  }
};

struct Coins {
  using Number = bool;
  static constexpr int kGroups = 1, kCount = 2 * kGroupWords;
  uint32_t chances;

  [[gnu::always_inline]] inline void operator()(const uint32_t* words, bool* out) const {
    for (int i = 0; i < kGroupWords; ++i) {
      out[i] = (words[i] & 0xffff) < chances;
      out[i + kGroupWords] = (words[i] >> 16) < chances;
    }
  }
};

template <class Draw>
using Out = typename Draw::Number*;

// A sequence is made in blocks of kCount numbers, several at a time. Whole blocks are written where
// they belong; of one that the range only touches, its part.
template <class Draw>
[[gnu::always_inline]] inline void draw(InstructionSet set, const Draw& numbers,
                                        const DrawRange& range, Out<Draw> out) {
  constexpr uint64_t kCount = Draw::kCount, kBlocks = 12 / Draw::kGroups;
  constexpr int kBlockWords = Draw::kGroups * kGroupWords;
  uint32_t words[kBlocks * kBlockWords];
  typename Draw::Number part[kCount];
  uint64_t end = range.first + range.count, last = (end + kCount - 1) / kCount;
  for (uint64_t block = range.first / kCount; block < last; block += kBlocks) {
    uint64_t blocks = std::min(kBlocks, last - block);
    philox_groups(range.key, block * Draw::kGroups, static_cast<int>(blocks) * Draw::kGroups, words,
                  set);
    for (uint64_t i = 0; i < blocks; ++i) {
      uint64_t from = std::max(range.first, (block + i) * kCount),
               to = std::min(end, (block + i + 1) * kCount);
      if (to - from == kCount) {
        numbers(words + i * kBlockWords, out);
      } else {
        numbers(words + i * kBlockWords, part);
        std::copy_n(part + from % kCount, to - from, out);
      }
      out += to - from;
    }
  }
}

#if defined(__x86_64__)
template <class Draw>
[[gnu::target("avx2")]] void avx2(const Draw& numbers, const DrawRange& range, Out<Draw> out) {
  draw(InstructionSet::kAvx2, numbers, range, out);
}

template <class Draw>
[[gnu::target("avx512f,avx512bw,avx512vl,prefer-vector-width=512")]] void avx512(
    const Draw& numbers, const DrawRange& range, Out<Draw> out) {
  draw(InstructionSet::kAvx512, numbers, range, out);
}
#endif

template <class Draw>
void draw_with(InstructionSet set, const Draw& numbers, const DrawRange& range, Out<Draw> out) {
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx512) return avx512(numbers, range, out);
  if (set == InstructionSet::kAvx2) return avx2(numbers, range, out);
#endif
  draw(InstructionSet::kPlain, numbers, range, out);
}

}  // namespace

void draw_uniforms(const DrawRange& range, float* out, InstructionSet set) {
  draw_with(set, Uniforms{}, range, out);
}

void draw_normals(const DrawRange& range, float* out, InstructionSet set) {
  draw_with(set, Normals{}, range, out);
}

void draw_coins(const DrawRange& range, uint32_t chances, bool* out, InstructionSet set) {
  draw_with(set, Coins{chances}, range, out);
}

}  // namespace diffeo
