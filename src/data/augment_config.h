#pragma once

#include "core/range.h"

namespace diffeo {

// What happens to training images on their way into a batch; held-out splits are never augmented.
// Both change the density that is learned.
struct AugmentConfig {
  static constexpr const char* kDoc = "Random changes of training images.";
  bool flip = false;
  double shift = 0;

  template <class Archive>
  void fields(Archive& ar) {
    ar("flip", flip, "mirror each image left to right with probability 1/2");
    ar("shift", shift,
       "shift each image by up to this fraction of its height and width, in whole pixels; what "
       "enters at the border "
       "repeats the edge (Glow: 0.1)",
       between(0, 0.5));
  }
};

}  // namespace diffeo
