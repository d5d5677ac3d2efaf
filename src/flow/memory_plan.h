#pragma once

#include <array>
#include <set>
#include <string>

#include "core/enums.h"
#include "transforms/transform.h"

namespace diffeo {

// What the passes of a training keep for the way back. The gradients are the same.
enum class Memory {
  kStore,      // all that autograd asks for
  kRecompute,  // each layer's input, from which the layer is computed once more
  kInvert,     // nothing of layers that rebuild their input from their output
  kAuto,       // the fastest of the three that fits the machine
};
template <>
struct EnumNames<Memory> {
  static constexpr std::array names{
      std::pair{"store", Memory::kStore}, std::pair{"recompute", Memory::kRecompute},
      std::pair{"invert", Memory::kInvert}, std::pair{"auto", Memory::kAuto}};
};

// A mode, never kAuto, and what was found on the way: layers, by their paths, whose rebuilt inputs
// drifted too far, so that kInvert keeps theirs.
struct MemoryPlan {
  Memory mode = Memory::kStore;
  std::set<std::string> kept = {};

  bool rebuilds(const Transform& layer) const {
    return mode == Memory::kInvert && layer.rebuilds_input() && !kept.contains(layer.path());
  }
};

}  // namespace diffeo
