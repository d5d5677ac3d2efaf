#pragma once

#include "core/shape.h"

namespace diffeo {

// How intricate images are by themselves, whatever flow looks at them. Flows give simple images of
// any kind a high likelihood; -log p less this complexity tells strange images from simple ones
// (Serra et al. 2020, section 3).

// Whether these are images that PNG can hold: [N, C, H, W] uint8 with 1 or 3 channels.
bool has_png(const Tensor& images);

// The size of each image as PNG, in nats: bytes · 8 · ln 2. -> [N] float64
Tensor png_nats(const Tensor& images);

}  // namespace diffeo
