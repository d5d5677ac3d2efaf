#pragma once

#include "core/noise.h"
#include "core/shape.h"
#include "data/augment_config.h"

namespace diffeo {

// Images [B, C, H, W] of any dtype -> the same, each flipped and shifted by draws of its own.
Tensor augmented(const AugmentConfig& config, const Tensor& images, Noise& noise);

}  // namespace diffeo
