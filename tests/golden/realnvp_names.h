#pragma once

#include "flow/flow.h"
#include "golden/golden.h"

// The names, layouts and settings of laurent-dinh/models, real_nvp, to ours
// (golden/realnvp/README.md).
namespace diffeo::golden {

// The layer list of a whole model, and of a case with a single coupling.
std::vector<Layer> realnvp_layers(const nlohmann::json& hyper);
Layer realnvp_coupling(const Case& c);

// Where coupling_j of scale_i stands.
std::string realnvp_path(const nlohmann::json& hyper, int64_t scale, int64_t coupling);

// Variables under `prefix` of a whole model, or of a single coupling at `path`, by our names.
// Counters are left out.
NamedTensors realnvp_values(const nlohmann::json& hyper, const NamedTensors& tensors,
                            const std::string& prefix);
NamedTensors realnvp_coupling_values(const NamedTensors& tensors, const std::string& prefix,
                                     const std::string& path);

// Whether the authors regularise the parameter of that name.
bool realnvp_penalised(const std::string& name);

// Our flat latents as the authors' z, [N, C, H, W].
Tensor realnvp_image(const Tensor& latents, const Shape& shape, int64_t scales);
Tensor realnvp_latents(const Tensor& image, int64_t scales);

}  // namespace diffeo::golden
