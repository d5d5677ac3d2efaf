#pragma once

#include <cstdint>

#include "core/instruction_set.h"

namespace diffeo {

// m <- m + take_m (g - m)
// v <- v + take_v (g^2 - v),            w <- (1 - shrink) w - rate m / (sqrt(v) + epsilon), or
// v <- max((1 - take_v) v, |g|),        w <- (1 - shrink) w - rate m / (v + epsilon)
struct AdamStep {
  double take_m, take_v;
  double rate, epsilon;
  double shrink = 0;        // of the weights, before the step (AdamW)
  bool by_largest = false;  // the second form (Adamax)
};

// The step over `count` numbers. A loop of square roots is vectorized only with options of its own,
// so it is compiled apart (CMakeLists.txt) and without LibTorch.
void adam_loop(float* weights, const float* gradient, float* m, float* v, int64_t count,
               const AdamStep& step, InstructionSet set);
void adam_loop(double* weights, const double* gradient, double* m, double* v, int64_t count,
               const AdamStep& step, InstructionSet set);

}  // namespace diffeo
