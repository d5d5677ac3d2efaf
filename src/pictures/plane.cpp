#include "pictures/plane.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "data/host.h"
#include "pictures/canvas.h"
#include "pictures/colour.h"
#include "pictures/image_grid.h"

namespace diffeo {
namespace {

// [1, 3]
Tensor grey(double value) { return at::full({1, 3}, value, host_options(at::kDouble)); }

// A thin line around a panel.
Tensor framed(Tensor picture) {
  constexpr int64_t kFrame = 205;
  for (int64_t dim : {1, 2}) {
    picture.select(dim, 0).fill_(kFrame);
    picture.select(dim, -1).fill_(kFrame);
  }
  return picture;
}

Tensor warp_panel(const WarpStage& stage, const Tensor& colours, int64_t size) {
  Box box = box_around(stage.points);
  Canvas canvas(size, 1);
  canvas.lines(pixels_in(box, stage.lines, size), grey(0.55), 1, 0.6);
  canvas.dots(pixels_in(box, stage.points, size), colours, 1.2, 0.75);
  return framed(canvas.bytes());
}

}  // namespace

Tensor density_picture(const LogDensity& log_density, const Box& box, int64_t size) {
  constexpr int64_t kSlice = 16384;
  std::vector<Tensor> parts;
  for (const Tensor& slice : pixel_centres(box, size).split(kSlice))
    parts.push_back(log_density(slice).cpu());
  constexpr double kNothing = -std::numeric_limits<double>::infinity();
  Tensor log_p = at::cat(parts).to(at::kDouble).nan_to_num(kNothing, std::nullopt, kNothing);
  Tensor largest = log_p.max().clamp_min(
      std::numeric_limits<double>::lowest());  // -infinity everywhere stays dark
  return picture_bytes(heat_colours((0.5 * (log_p - largest)).exp()), size);
}

Tensor scatter_picture(const Tensor& points, const Box& box, int64_t size) {
  Canvas canvas(size, 1);
  canvas.dots(pixels_in(box, points, size), heat_colours(grey(0.25).select(1, 0)), 1.1, 0.35);
  return framed(canvas.bytes());
}

Tensor warp_picture(const std::vector<WarpStage>& stages, const Tensor& coloured_by,
                    int64_t columns, int64_t size) {
  Tensor origin = coloured_by.cpu().to(at::kDouble);
  Tensor colours = hue_colours(at::atan2(origin.select(1, 1), origin.select(1, 0)));
  std::vector<Tensor> pictures;
  for (const WarpStage& stage : stages) pictures.push_back(warp_panel(stage, colours, size));
  return panels(pictures, columns);
}

}  // namespace diffeo
