#pragma once

#include <array>
#include <cstdint>

#include "core/instruction_set.h"

namespace diffeo {

constexpr int kPhiloxRounds = 10;
constexpr uint32_t kPhiloxFirst = 0xD2511F53, kPhiloxSecond = 0xCD9E8D57;      // the multipliers
constexpr uint32_t kPhiloxLowStep = 0x9E3779B9, kPhiloxHighStep = 0xBB67AE85;  // of the key

using PhiloxWords = std::array<uint32_t, 4>;

// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a keyed
// bijection of counters of 128 bits. Neighbouring counters and keys give unrelated words, so any
// word of any sequence can be had without those before it.
inline PhiloxWords philox(PhiloxWords counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    uint64_t a = uint64_t{kPhiloxFirst} * counter[0], b = uint64_t{kPhiloxSecond} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + kPhiloxLowStep, key[1] + kPhiloxHighStep};
  }
  return counter;
}

// Counters go in groups of 32 neighbours, 32 * group and on, of which each gives 4 words. In a
// group the first word of every counter comes first, then the second ones, and so on, so that loops
// over them fill whole registers. Writes `count` groups.
constexpr int kPhiloxLanes = 32;
constexpr int kGroupWords = 4 * kPhiloxLanes;
void philox_groups(uint64_t key, uint64_t group, int count, uint32_t* words, InstructionSet set);

}  // namespace diffeo
