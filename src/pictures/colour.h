#pragma once

#include "core/shape.h"

namespace diffeo {

// Colours from Oklab (Ottosson 2020), where equal distances look alike: sRGB in 0 … 1, [..., 3].

// 0 … 1 -> black-violet over red and orange to pale yellow: lightness rises evenly, so order
// survives in grey.
Tensor heat_colours(const Tensor& values);

// Angles in radians -> hues around the circle, all of one lightness.
Tensor hue_colours(const Tensor& angles);

}  // namespace diffeo
