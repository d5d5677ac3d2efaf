#pragma once

#include <string>

#include "io/safetensors.h"

namespace diffeo {

// What checkpoints of format 1 said otherwise than those of today.
//
// In format 1 a factor_out had the rest of the list inside itself, counted from 0 again:
// "flow.3_factor_out.rest.0_squeeze". Today a flow is one list: "flow.4_squeeze".
std::string name_of_format1(std::string name);

// All names of format 1 as they are today.
NamedTensors renamed_of_format1(const NamedTensors& tensors);

// Convolutions that start from data saved no flag that they were: adds each flag ("….initialised")
// that `model` has and `weights` lack, set.
void add_flags_of_format1(NamedTensors& weights, const NamedTensors& model);

}  // namespace diffeo
