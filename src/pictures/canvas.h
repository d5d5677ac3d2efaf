#pragma once

#include "core/shape.h"

namespace diffeo {

// A square picture in the making, with smooth edges. Positions are pixels as pixels_in() gives
// them; what lies outside is left out. Drawing order within a call does not matter, so pictures are
// the same on every machine.
class Canvas {
 public:
  Canvas(int64_t size, double grey);  // 0 black … 1 white

  // Discs at positions [N, 2] in colours [N, 3] or [1, 3]. Where they overlap they cover more and
  // mix.
  void dots(const Tensor& positions, const Tensor& colours, double radius, double opacity);

  // Polylines [L, P, 2] in a colour [1, 3]; where they cross they cover no more than one.
  void lines(const Tensor& paths, const Tensor& colour, double width, double opacity);

  Tensor bytes() const;  // [3, size, size] uint8

 private:
  void cover(const Tensor& coverage, const Tensor& colours);

  int64_t size_;
  Tensor pixels_;  // [size * size, 3] float64, sRGB in 0 … 1
};

// sRGB in 0 … 1, [size * size, 3], row after row -> [3, size, size] uint8.
Tensor picture_bytes(const Tensor& pixels, int64_t size);

}  // namespace diffeo
