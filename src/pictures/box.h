#pragma once

#include "core/shape.h"

namespace diffeo {

// A square piece of the plane: |x1 - centre1| <= reach and |x2 - centre2| <= reach.
struct Box {
  double centre1 = 0, centre2 = 0, reach = 1;
};

// Holds all of the finite points [N, 2] but the outermost 1 % along each axis, with a margin; none:
// the unit square.
Box box_around(const Tensor& points);

// Where points [..., 2] of the box lie in a picture of size x size pixels: [..., 2] as (column,
// row), float64.
Tensor pixels_in(const Box& box, const Tensor& points, int64_t size);

// The centres of the pixels of such a picture: [size * size, 2] float32, row after row from the
// top.
Tensor pixel_centres(const Box& box, int64_t size);

// `count` lines along each axis across the box: [2 * count, points, 2] float32.
Tensor grid_lines(const Box& box, int64_t count, int64_t points);

}  // namespace diffeo
