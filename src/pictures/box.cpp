#include "pictures/box.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/host.h"

namespace diffeo {
namespace {

// From -1 to 1 inclusive.
Tensor unit_line(int64_t count) { return at::linspace(-1, 1, count, host_options(at::kDouble)); }

Tensor placed(const Box& box, const Tensor& first, const Tensor& second) {
  return at::stack({box.centre1 + box.reach * first, box.centre2 + box.reach * second}, -1)
      .to(at::kFloat);
}

}  // namespace

Box box_around(const Tensor& points) {
  constexpr double kOutermost = 0.005, kMargin = 1.15;
  Tensor finite = points.to(host_options(at::kDouble));
  finite = finite.index({finite.isfinite().all(1)});
  if (finite.size(0) == 0) return {};
  Tensor sorted = std::get<0>(finite.sort(0));
  int64_t skipped = static_cast<int64_t>(kOutermost * sorted.size(0));
  Tensor low = sorted[skipped], high = sorted[sorted.size(0) - 1 - skipped];
  Tensor centre = (low + high) / 2;
  double reach = kMargin * (high - low).max().item<double>() / 2;
  return {centre[0].item<double>(), centre[1].item<double>(), std::max(reach, 1e-6)};
}

Tensor pixels_in(const Box& box, const Tensor& points, int64_t size) {
  Tensor x = points.to(host_options(at::kDouble));
  Tensor column = (x.select(-1, 0) - box.centre1) / box.reach,
         row = (box.centre2 - x.select(-1, 1)) / box.reach;
  return (at::stack({column, row}, -1) + 1) * (0.5 * size) - 0.5;
}

Tensor pixel_centres(const Box& box, int64_t size) {
  Tensor line = unit_line(size) * (1 - 1.0 / size);
  return placed(box, line.repeat({size}), line.neg().repeat_interleave(size));
}

Tensor grid_lines(const Box& box, int64_t count, int64_t points) {
  Tensor along = unit_line(points).expand({count, points});
  Tensor across = unit_line(count).unsqueeze(1).expand({count, points});
  return at::cat({placed(box, along, across), placed(box, across, along)});
}

}  // namespace diffeo
