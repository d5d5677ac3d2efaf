#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "data/data.h"
#include "flow/memory_plan.h"

namespace diffeo {

// Bytes of all tensors at a training step's worst moment, weights and moments included.
struct MemoryNeed {
  Memory mode;
  double bytes;
};

// Of store, recompute and invert, predicted without taking that much: steps of a throwaway flow on
// two small parts of a batch, from which the whole follows, for it grows evenly with the examples.
std::vector<MemoryNeed> memory_needs(const Config& config, c10::Device device, const Data& data);

// What train.memory: auto takes.
struct MemoryChoice {
  Memory mode;
  std::string reason;  // "train.memory: auto takes invert: …"
};

// The first, which are the faster ones, that leaves a tenth of `memory` bytes to all else; where
// none does the one that needs least.
MemoryChoice choice_among(const std::vector<MemoryNeed>& needs, double memory);

std::string text_of(const std::vector<MemoryNeed>& needs);  // "store 812.3 MB, recompute …"

}  // namespace diffeo
