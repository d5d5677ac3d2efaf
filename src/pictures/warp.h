#pragma once

#include <vector>

#include "flow/flow.h"
#include "pictures/plane.h"

namespace diffeo {

// How a flow on the plane makes data of noise: where latents [N, 2] and lines [L, P, 2] are before
// the last layer of the list is undone and after each; of more than twelve stages, twelve evenly
// spread ones with the first and the last. Of class 0, where the flow has classes, and of the
// context [1, C], where it has one (else undefined).
std::vector<WarpStage> warp_stages(Flow& flow, const Tensor& latents, const Tensor& context,
                                   const Tensor& lines);

}  // namespace diffeo
