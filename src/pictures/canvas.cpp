#include "pictures/canvas.h"

#include <ATen/ATen.h>

#include <cmath>

#include "data/host.h"

namespace diffeo {
namespace {

// Pieces of lines [M, 2], from `start` to `start + step`, each short enough that all it touches
// lies around `near`. A disc is a piece of no length.
struct Pieces {
  Tensor near, start, step;
};

// The pixels that pieces touch, one of them each.
struct Touched {
  Tensor which;     // [K] int64, index of the piece
  Tensor pixel;     // [K] int64
  Tensor coverage;  // [K] in (0, 1]: about how much of the pixel is covered
};

// Looks at the pixel that is so far down and right of the one nearest to each piece.
Touched touched(const Pieces& pieces, int64_t down, int64_t right, double radius, int64_t size) {
  Tensor nearest = pieces.near.round();
  Tensor column = nearest.select(1, 0) + right, row = nearest.select(1, 1) + down;
  Tensor offset = at::stack({column, row}, 1) - pieces.start;
  Tensor along =
      (offset * pieces.step).sum(1, true) / pieces.step.square().sum(1, true).clamp_min(1e-12);
  Tensor coverage =
      (radius + 0.5 - (offset - along.clamp(0, 1) * pieces.step).norm(2, {1})).clamp(0, 1);
  Tensor inside = (column >= 0) & (column < size) & (row >= 0) & (row < size) & (coverage > 0);
  Tensor which = inside.nonzero().squeeze(1);
  Tensor pixel = (row * size + column).index_select(0, which).to(at::kLong);
  return {which, pixel, coverage.index_select(0, which)};
}

template <class Use>
void for_each_touched(const Pieces& pieces, double radius, int64_t size, Use use) {
  int64_t reach = static_cast<int64_t>(std::ceil(radius + 0.5));
  for (int64_t down = -reach; down <= reach; ++down) {
    for (int64_t right = -reach; right <= reach; ++right)
      use(touched(pieces, down, right, radius, size));
  }
}

// Polylines [L, P, 2] in pieces of at most one pixel. Segments that end far outside are left out.
Pieces pieces_of(const Tensor& paths, int64_t size) {
  Tensor from = paths.narrow(1, 0, paths.size(1) - 1).reshape({-1, 2});
  Tensor to = paths.narrow(1, 1, paths.size(1) - 1).reshape({-1, 2});
  Tensor close = (((from > -size) & (from < 2 * size)) & ((to > -size) & (to < 2 * size)))
                     .all(1)
                     .nonzero()
                     .squeeze(1);
  from = from.index_select(0, close);
  Tensor whole = to.index_select(0, close) - from;
  Tensor counts = whole.norm(2, {1}).ceil().clamp_min(1).to(at::kLong);
  Tensor segment = at::repeat_interleave(counts);
  Tensor place = at::arange(segment.size(0), segment.options()) -
                 (counts.cumsum(0) - counts).index_select(0, segment);
  Tensor step = (whole / counts.unsqueeze(1)).index_select(0, segment);
  Tensor start = from.index_select(0, segment) + place.unsqueeze(1) * step;
  return {start + step / 2, start, step};
}

}  // namespace

Canvas::Canvas(int64_t size, double grey)
    : size_(size), pixels_(at::full({size * size, 3}, grey, host_options(at::kDouble))) {}

void Canvas::cover(const Tensor& coverage, const Tensor& colours) {
  pixels_ = at::lerp(pixels_, colours.expand_as(pixels_), coverage.unsqueeze(1).expand_as(pixels_));
}

// Coverages multiply as independent filters do; the colour is the mean of those that cover,
// weighted by how much.
void Canvas::dots(const Tensor& positions, const Tensor& colours, double radius, double opacity) {
  Tensor log_open = pixels_.new_zeros({size_ * size_}), weight = log_open.clone(),
         mixed = at::zeros_like(pixels_);
  Tensor each = colours.to(pixels_.options()).expand({positions.size(0), 3});
  for_each_touched(
      {positions, positions, at::zeros_like(positions)}, radius, size_, [&](const Touched& touch) {
        log_open.index_add_(0, touch.pixel, (-opacity * touch.coverage).log1p());
        weight.index_add_(0, touch.pixel, touch.coverage);
        mixed.index_add_(0, touch.pixel,
                         each.index_select(0, touch.which) * touch.coverage.unsqueeze(1));
      });
  cover(1 - log_open.exp(), mixed / weight.clamp_min(1e-12).unsqueeze(1));
}

void Canvas::lines(const Tensor& paths, const Tensor& colour, double width, double opacity) {
  Tensor coverage = pixels_.new_zeros({size_ * size_});
  for_each_touched(pieces_of(paths, size_), width / 2, size_, [&](const Touched& touch) {
    coverage.scatter_reduce_(0, touch.pixel, touch.coverage, "amax");
  });
  cover(opacity * coverage, colour.to(pixels_.options()));
}

Tensor Canvas::bytes() const { return picture_bytes(pixels_, size_); }

Tensor picture_bytes(const Tensor& pixels, int64_t size) {
  return (pixels.clamp(0, 1) * 255)
      .round()
      .to(at::kByte)
      .view({size, size, 3})
      .permute({2, 0, 1})
      .contiguous();
}

}  // namespace diffeo
