#pragma once

#include <string>

#include "data/data_config.h"

namespace diffeo {

// A picture [C, H, W] uint8 brought to the size that a configuration asks for, [C, height, width]:
// cropped, then resized with an antialiasing filter (bilinear and bicubic as PIL and torchvision
// have them; area: the mean over the pixels that each covers). Throws Exit::kData, `place` first,
// for another size where nothing is to be resized or cropped.
Tensor fitted_image(const Tensor& picture, const ImagesConfig& config, const std::string& place);

// Images [N, C, H, W] with so many zeros on each side; the same memory where there are none.
Tensor padded(const Tensor& images, int64_t pad);

}  // namespace diffeo
