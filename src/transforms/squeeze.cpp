#include "transforms/squeeze.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

Shape squeezed(const Shape& s) {
  require(s.size() == 3 && s[1] % 2 == 0 && s[2] % 2 == 0,
          "needs an image of even height and width, got ", to_string(s));
  return {4 * s[0], s[1] / 2, s[2] / 2};
}

Shape unsqueezed(const Shape& s) {
  require(s.size() == 3 && s[0] % 4 == 0, "needs an image whose channels divide by four, got ",
          to_string(s));
  return {s[0] / 4, 2 * s[1], 2 * s[2]};
}

// The quarters of the channels in another order.
Tensor quarters(const Tensor& x, const std::array<int, 4>& order) {
  std::vector<Tensor> parts = x.chunk(4, 1);
  return at::cat({parts[order[0]], parts[order[1]], parts[order[2]], parts[order[3]]}, 1);
}

Tensor space_to_depth(const Tensor& x) {
  int64_t b = x.size(0), c = x.size(1), h = x.size(2) / 2, w = x.size(3) / 2;
  return x.reshape({b, c, h, 2, w, 2}).permute({0, 3, 5, 1, 2, 4}).reshape({b, 4 * c, h, w});
}

Tensor depth_to_space(const Tensor& z) {
  int64_t b = z.size(0), c = z.size(1) / 4, h = z.size(2), w = z.size(3);
  return z.reshape({b, 2, 2, c, h, w}).permute({0, 3, 4, 1, 5, 2}).reshape({b, c, 2 * h, 2 * w});
}

Tensor squeeze_cells(SqueezeOrder order, const Tensor& x) {
  switch (order) {
    case SqueezeOrder::kChannel: return at::pixel_unshuffle(x, 2);
    case SqueezeOrder::kSpaceToDepth: return space_to_depth(x);
    case SqueezeOrder::kDiagonal: return quarters(space_to_depth(x), {0, 3, 1, 2});
  }
  fail("squeeze: unknown order");
}

Tensor unsqueeze_cells(SqueezeOrder order, const Tensor& z) {
  switch (order) {
    case SqueezeOrder::kChannel: return at::pixel_shuffle(z, 2);
    case SqueezeOrder::kSpaceToDepth: return depth_to_space(z);
    case SqueezeOrder::kDiagonal: return depth_to_space(quarters(z, {0, 2, 3, 1}));
  }
  fail("unsqueeze: unknown order");
}

}  // namespace

Squeeze::Squeeze(const SqueezeConfig& config, const Site& site)
    : Transform(SqueezeConfig::kType, site, squeezed(site.input)), order_(config.order) {}

Mapped Squeeze::do_forward(const Tensor& x, const Pass&) { return {squeeze_cells(order_, x)}; }

Tensor Squeeze::do_inverse(const Tensor& z, const Pass&) { return unsqueeze_cells(order_, z); }

Unsqueeze::Unsqueeze(const UnsqueezeConfig& config, const Site& site)
    : Transform(UnsqueezeConfig::kType, site, unsqueezed(site.input)), order_(config.order) {}

Mapped Unsqueeze::do_forward(const Tensor& x, const Pass&) { return {unsqueeze_cells(order_, x)}; }

Tensor Unsqueeze::do_inverse(const Tensor& z, const Pass&) { return squeeze_cells(order_, z); }

}  // namespace diffeo
