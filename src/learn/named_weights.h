#pragma once

#include <torch/nn/module.h>

#include <string>

#include "io/safetensors.h"

namespace diffeo {

// A model's weights by name, as checkpoints hold them: each parameter and buffer, and the average
// of a parameter or of a batch norm's running moments under its name with this prefix.
constexpr const char* kAveragePrefix = "ema.";

// "1 of 6 numbers are not finite", or nothing where all are. Waits for the device.
std::string fault_in(const Tensor& tensor);

// Throws Exit::kCheckpoint, `place` first, for the first tensor with a number that is not finite.
void require_finite(const NamedTensors& tensors, const std::string& place);

// Copies `source` into `targets`, which have the same names. Before anything is assigned, every
// name, shape and type that does not fit and every number that is not finite is listed in one
// Exit::kCheckpoint that begins with `place`. Numbers are stored in single precision whatever the
// target's.
void assign_tensors(const NamedTensors& source, const NamedTensors& targets,
                    const std::string& place);

// Parameters and buffers by name.
NamedTensors named_tensors(const torch::nn::Module& module);

}  // namespace diffeo
