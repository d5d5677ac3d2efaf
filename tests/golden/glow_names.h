#pragma once

#include "flow/flow.h"
#include "golden/golden.h"

// openai/glow's names, layouts and settings to ours (golden/glow/README.md).
namespace diffeo::golden {

// The layer list of a case's `hyper`.
std::vector<Layer> glow_layers(const nlohmann::json& hyper);
Shape glow_shape(const nlohmann::json& hyper);
int64_t glow_classes(const nlohmann::json& hyper);  // 0 unless conditioned

// Path of the layer at `place` in step `step` of a level: 0 actnorm, 1 permutation, 2 coupling.
std::string glow_step(const nlohmann::json& hyper, int64_t level, int64_t step, int64_t place);

// Paths of what ends a level: the factor_out of all but the last, the prior of that.
std::string glow_end(const nlohmann::json& hyper, int64_t level);

// Variables under `prefix` ("var/", "f64/grad/") as values of our parameters and buffers, by our
// names.
NamedTensors glow_values(const nlohmann::json& hyper, const NamedTensors& tensors,
                         const std::string& prefix);

}  // namespace diffeo::golden
