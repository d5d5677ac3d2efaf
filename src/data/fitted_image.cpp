#include "data/fitted_image.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace diffeo {
namespace {

// The window of this height and width in the middle.
Tensor middle(const Tensor& picture, int64_t height, int64_t width) {
  return picture.narrow(1, (picture.size(1) - height) / 2, height)
      .narrow(2, (picture.size(2) - width) / 2, width);
}

Tensor cropped(const Tensor& picture, const ImagesConfig& config) {
  if (config.crop == Crop::kNone) return picture;
  auto height = static_cast<double>(picture.size(1)), width = static_cast<double>(picture.size(2));
  double scale = config.resize == Resize::kNone
                     ? 1
                     : std::min(height / config.size[0], width / config.size[1]);
  auto side = [&](int64_t size, int64_t most) {
    return std::clamp<int64_t>(std::llround(scale * size), 1, most);
  };
  return middle(picture, side(config.size[0], picture.size(1)),
                side(config.size[1], picture.size(2)));
}

Tensor resized(const Tensor& picture, Resize filter, at::IntArrayRef size) {
  Tensor x = picture.to(at::kFloat).unsqueeze(0);
  switch (filter) {
    case Resize::kBilinear:
      x = at::_upsample_bilinear2d_aa(x, size, /*align_corners=*/false);
      break;
    case Resize::kBicubic: x = at::_upsample_bicubic2d_aa(x, size, /*align_corners=*/false); break;
    default: x = at::adaptive_avg_pool2d(x, size);
  }
  return x[0].round().clamp(0, 255).to(at::kByte);
}

}  // namespace

Tensor fitted_image(const Tensor& picture, const ImagesConfig& config, const std::string& place) {
  Tensor window = cropped(picture, config);
  if (window.sizes().slice(1) == at::IntArrayRef(config.size)) return window;
  if (config.resize != Resize::kNone) return resized(window, config.resize, config.size);
  fail(Exit::kData, place, ": is ", picture.size(1), " high and ", picture.size(2),
       " wide, expected ", config.size[0], " and ", config.size[1],
       "; data.resize brings pictures to one size (bicubic), data.crop: center keeps their aspect");
}

Tensor padded(const Tensor& images, int64_t pad) {
  return pad == 0 ? images : at::constant_pad_nd(images, {pad, pad, pad, pad});
}

}  // namespace diffeo
