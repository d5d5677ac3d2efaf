#pragma once

#include <cstdint>

#include "core/philox.h"

namespace diffeo {

// A part of one endless sequence of draws: the numbers first … first + count - 1 of the sequence
// that `key` names. A number follows from key and place alone.
struct DrawRange {
  uint64_t key;
  uint64_t first;
  uint64_t count;
};

// Uniform multiples of 2^-24 in [0, 1).
void draw_uniforms(const DrawRange& range, float* out, InstructionSet set = best_instructions());

// N(0, 1), by Box and Muller (1958), to about six digits: up to 6.55 away from 0, where one number
// in 2 * 10^10 would be farther out.
void draw_normals(const DrawRange& range, float* out, InstructionSet set = best_instructions());

// true with a probability of chances / 2^16.
void draw_coins(const DrawRange& range, uint32_t chances, bool* out,
                InstructionSet set = best_instructions());

}  // namespace diffeo
