#pragma once

#include <string>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// No grid has more pixels a side: what every viewer opens, and at most 48 MiB of memory.
constexpr int64_t kMostGridPixels = 4096;

// Images as they stand in a grid, and how the grid is laid out.
struct Thumbnails {
  std::vector<Tensor> blocks;  // [N, 1 or 3, h, w] uint8, all of one size
  int64_t columns;
  std::string note;  // how they differ from the images but by a whole factor; empty: not at all
};

// Images [N, C, H, W] uint8 of any shape, one block below the other, made to fit. Small ones are
// enlarged by a whole factor, so that the shorter side has at least 48 pixels where the longer one
// then has no more than 512; those of a few rows or columns are drawn out across, to 16 pixels.
// Large ones are scaled down. Channels that are neither one nor three stand side by side in grey.
// Where not all images find a place, the first ones do. `columns`: how many images of about equal
// sides a row has; long thin ones get as many as make the picture about as wide. `gap` pixels lie
// between and around the images, `between` below each block but the last.
Thumbnails thumbnails(std::vector<Tensor> blocks, int64_t columns, int64_t gap, int64_t between);

}  // namespace diffeo
