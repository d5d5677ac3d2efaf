#pragma once

#include <string>

#include "core/shape.h"

namespace diffeo {

// A permutation of 0 … count - 1, [count] int64, drawn as example `number` of a
// stream (the rule is in core/noise.h).
Tensor random_order(int64_t count, uint64_t seed, const std::string& stream, int64_t number);

}  // namespace diffeo
