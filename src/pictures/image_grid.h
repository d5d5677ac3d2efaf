#pragma once

#include <string>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// Pictures [C, H, W] uint8, C = 1 or 3, ready for png.h.

// How examples of a shape are shown: images [C, H, W] in a grid, points of the plane [2]
// as dots, others not at all.
enum class PictureKind { kNone, kImages, kPlane };
PictureKind picture_kind(const Shape& shape);

// Images as whole numbers 0 … 255, as a flow's samples of images are up to rounding. What is no
// number becomes 0.
Tensor as_bytes(const Tensor& images);

struct ImageGrid {
  Tensor picture;
  std::string note;  // what is not shown as it is, for the picture's text; empty: nothing
};

// Images [N, C, H, W] uint8 of any shape in rows from the upper left, with narrow gaps, made to fit
// as thumbnails() says; `columns` in a row where their sides are about equal. The blocks (one for
// each temperature) stand below each other with a wide gap between.
ImageGrid image_grid(const std::vector<Tensor>& blocks, int64_t columns);

// The column count that makes `count` images about a square.
int64_t square_columns(int64_t count);

// Pictures of one size in rows of `columns`, on white.
Tensor panels(const std::vector<Tensor>& pictures, int64_t columns);

}  // namespace diffeo
