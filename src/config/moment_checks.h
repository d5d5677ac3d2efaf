#pragma once

#include "config/train_config.h"
#include "flow/flow.h"

namespace diffeo {

// Throws Exit::kUsage where a training would take the deviation of a single number: an actnorm
// started from one example, a batch norm in passes of one example, on vectors or on images of one
// pixel. Names the first such module, how many there are, the key and the cure. The flow may be one
// on the meta device.
void require_moments(const TrainConfig& train, const Flow& flow);

}  // namespace diffeo
