#include "pictures/image_grid.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "pictures/thumbnails.h"

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

}  // namespace

PictureKind picture_kind(const Shape& shape) {
  if (shape == Shape{2}) return PictureKind::kPlane;
  return shape.size() == 3 ? PictureKind::kImages : PictureKind::kNone;
}

Tensor as_bytes(const Tensor& images) {
  return at::nan_to_num(images, 0).round().clamp(0, 255).to(at::kByte);
}

ImageGrid image_grid(const std::vector<Tensor>& blocks, int64_t columns) {
  constexpr int64_t kGap = 2, kBetweenBlocks = 12;
  std::vector<Tensor> images;
  for (const Tensor& block : blocks) {
    require(block.dim() == 4 && block.dtype() == at::kByte && block.numel() > 0,
            "image_grid: expected images [N, C, H, W] of bytes, found ",
            to_string(block.sizes().vec()));
    images.push_back(block.cpu());
  }
  Thumbnails small = thumbnails(images, columns, kGap, kBetweenBlocks);
  std::vector<Tensor> pictures;
  for (const Tensor& block : small.blocks) {
    bool last = pictures.size() + 1 == small.blocks.size();
    pictures.push_back(at::constant_pad_nd(tiled(block, small.columns, kGap),
                                           {0, 0, 0, last ? 0 : kBetweenBlocks}, kWhite));
  }
  return {at::cat(pictures, 1), small.note};
}

int64_t square_columns(int64_t count) { return static_cast<int64_t>(std::ceil(std::sqrt(count))); }

Tensor panels(const std::vector<Tensor>& pictures, int64_t columns) {
  constexpr int64_t kGap = 12;
  return tiled(at::stack(pictures), std::min<int64_t>(columns, pictures.size()), kGap);
}

}  // namespace diffeo
