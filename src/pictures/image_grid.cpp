#include "pictures/image_grid.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace diffeo {
namespace {

constexpr int64_t kWhite = 255;

// Images [N, C, H, W] in rows with `gap` white pixels between and around: [C, height, width].
Tensor tiled(const Tensor& images, int64_t columns, int64_t gap) {
  int64_t rows = (images.size(0) + columns - 1) / columns, height = images.size(2) + gap,
          width = images.size(3) + gap;
  Tensor tiles = at::constant_pad_nd(
      images, {0, gap, 0, gap, 0, 0, 0, rows * columns - images.size(0)}, kWhite);
  tiles = tiles.view({rows, columns, images.size(1), height, width}).permute({2, 0, 3, 1, 4});
  Tensor picture = tiles.reshape({images.size(1), rows * height, columns * width});
  return at::constant_pad_nd(picture, {gap, 0, gap, 0}, kWhite);
}

// Each pixel becomes a square, so that the shorter side of an image has at least 48 pixels.
Tensor enlarged(const Tensor& images) {
  constexpr int64_t kSmall = 48;
  int64_t side = std::min(images.size(2), images.size(3)), factor = (kSmall + side - 1) / side;
  return images.repeat_interleave(factor, 2).repeat_interleave(factor, 3);
}

}  // namespace

PictureKind picture_kind(const Shape& shape) {
  if (shape == Shape{2}) return PictureKind::kPlane;
  bool is_image = shape.size() == 3 && (shape[0] == 1 || shape[0] == 3);
  return is_image ? PictureKind::kImages : PictureKind::kNone;
}

Tensor as_bytes(const Tensor& images) {
  return at::nan_to_num(images, 0).round().clamp(0, 255).to(at::kByte);
}

Tensor image_grid(const std::vector<Tensor>& blocks, int64_t columns) {
  constexpr int64_t kGap = 2, kBetweenBlocks = 12;
  int64_t most = 1;
  for (const Tensor& images : blocks) most = std::max(most, images.size(0));
  std::vector<Tensor> pictures;
  for (const Tensor& images : blocks) {
    require(images.dim() == 4 && images.dtype() == at::kByte &&
                (images.size(1) == 1 || images.size(1) == 3),
            "image_grid: expected images [N, 1 or 3, H, W] of bytes, found ",
            to_string(images.sizes().vec()));
    Tensor block = tiled(enlarged(images.cpu()), std::min(columns, most), kGap);
    bool last = pictures.size() + 1 == blocks.size();
    pictures.push_back(at::constant_pad_nd(block, {0, 0, 0, last ? 0 : kBetweenBlocks}, kWhite));
  }
  return at::cat(pictures, 1);
}

int64_t square_columns(int64_t count) { return static_cast<int64_t>(std::ceil(std::sqrt(count))); }

Tensor panels(const std::vector<Tensor>& pictures, int64_t columns) {
  constexpr int64_t kGap = 12;
  return tiled(at::stack(pictures), std::min<int64_t>(columns, pictures.size()), kGap);
}

}  // namespace diffeo
