#pragma once

#include <vector>

#include "config/weight_map.h"
#include "core/shape.h"

namespace diffeo {

// One tensor made of others, in double precision, by the steps of a map in their order. Throws
// where a step cannot be taken with what it is given, or more than one tensor is left.
Tensor after(const std::vector<WeightStep>& steps, const std::vector<Tensor>& tensors);

}  // namespace diffeo
