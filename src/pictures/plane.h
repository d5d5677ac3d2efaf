#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pictures/box.h"

namespace diffeo {

// Pictures [3, size, size] uint8 of what a flow does to the plane. The first coordinate grows to
// the right, the second upwards.

// [N, 2] float32 on the host -> [N], nats.
using LogDensity = std::function<Tensor(const Tensor& points)>;

// The density as a heat-map: colour goes with the square root of p over its largest value in the
// picture, so that tails are seen beside peaks.
Tensor density_picture(const LogDensity& log_density, const Box& box, int64_t size = 360);

// Points [N, 2] as dots, denser where there are more.
Tensor scatter_picture(const Tensor& points, const Box& box, int64_t size = 360);

// Points and grid lines after one layer, or before the first.
struct WarpStage {
  Tensor points;  // [N, 2]
  Tensor lines;   // [L, P, 2]
};

// One panel a stage, in rows: how the layers bend the lines and where they take the points, each in
// its box. A point keeps the hue that its direction from the origin gives it in `coloured_by`.
Tensor warp_picture(const std::vector<WarpStage>& stages, const Tensor& coloured_by,
                    int64_t columns = 4, int64_t size = 240);

}  // namespace diffeo
