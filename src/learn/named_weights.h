#pragma once

#include <torch/nn/module.h>

#include <string>

#include "io/safetensors.h"

namespace diffeo {

// A model's weights by name, as checkpoints hold them: each parameter and buffer, and the average
// of a parameter under its name with this prefix.
constexpr const char* kAveragePrefix = "ema.";

// Copies `source` into `targets`, which have the same names. Before anything is assigned, every
// name, shape and type that does not fit and every number that is not finite is listed in one
// Exit::kCheckpoint that begins with `place`. Numbers are stored in single precision whatever the
// target's.
void assign_tensors(const NamedTensors& source, const NamedTensors& targets,
                    const std::string& place);

// Parameters and buffers by name.
NamedTensors named_tensors(const torch::nn::Module& module);

}  // namespace diffeo
