#include "pictures/colour.h"

#include <ATen/ATen.h>

#include <cmath>

namespace diffeo {
namespace {

// Lightness, chroma and hue (radians) to sRGB; what the screen cannot show is cut off.
Tensor srgb(const Tensor& lightness, const Tensor& chroma, const Tensor& hue) {
  Tensor a = chroma * hue.cos(), b = chroma * hue.sin();
  Tensor l = (lightness + 0.3963377774 * a + 0.2158037573 * b).pow(3);
  Tensor m = (lightness - 0.1055613458 * a - 0.0638541728 * b).pow(3);
  Tensor s = (lightness - 0.0894841775 * a - 1.2914855480 * b).pow(3);
  Tensor linear = at::stack({4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
                             -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
                             -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s},
                            -1)
                      .clamp(0, 1);
  return at::where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.pow(1 / 2.4) - 0.055);
}

double radians(double degrees) { return degrees * M_PI / 180; }

}  // namespace

// The chroma keeps below what sRGB holds at each of these lightnesses and hues.
Tensor heat_colours(const Tensor& values) {
  Tensor t = values.to(at::kDouble).clamp(0, 1);
  return srgb(0.16 + 0.8 * t, 0.08 + 0.11 * (M_PI * t).sin(), radians(280) + radians(180) * t);
}

Tensor hue_colours(const Tensor& angles) {
  Tensor hue = angles.to(at::kDouble);
  return srgb(at::full_like(hue, 0.68), at::full_like(hue, 0.14), hue);
}

}  // namespace diffeo
