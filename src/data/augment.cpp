#include "data/augment.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

// For each example the source of each of `size` positions: [B, size], a shift of up to fraction *
// size, edges held.
Tensor shifted_positions(double fraction, int64_t size, const Tensor& draws) {
  int64_t furthest = static_cast<int64_t>(fraction * size);
  Tensor shift = (draws * (2 * furthest + 1)).floor().to(at::kLong) - furthest;
  return (at::arange(size, shift.options()) - shift.unsqueeze(1)).clamp(0, size - 1);
}

Tensor shifted(const Tensor& images, const Tensor& rows, const Tensor& columns) {
  auto whole = [&](int64_t dim) { return at::arange(images.size(dim), rows.options()); };
  return images.index({whole(0).view({-1, 1, 1, 1}), whole(1).view({1, -1, 1, 1}),
                       rows.unsqueeze(1).unsqueeze(3), columns.unsqueeze(1).unsqueeze(2)});
}

}  // namespace

Tensor augmented(const AugmentConfig& config, const Tensor& images, Noise& noise) {
  Tensor like = at::empty({images.size(0)}, images.options().dtype(at::kDouble));
  Tensor result = images;
  if (config.flip) {
    Tensor mirror = (noise.uniform("flip", like) < 0.5).view({-1, 1, 1, 1});
    result = at::where(mirror, result.flip(3), result);
  }
  if (config.shift > 0) {
    result = shifted(
        result, shifted_positions(config.shift, images.size(2), noise.uniform("shift.rows", like)),
        shifted_positions(config.shift, images.size(3), noise.uniform("shift.columns", like)));
  }
  return result;
}

}  // namespace diffeo
