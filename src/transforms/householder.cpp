#include "transforms/householder.h"

#include <ATen/ATen.h>

namespace diffeo {

Householder::Householder(const HouseholderConfig& config, const Site& site)
    : Transform(HouseholderConfig::kType, site, site.input) {
  vectors_ =
      register_parameter("vectors", site.normal("vectors", {config.reflections, site.input[0]}, 1));
}

// All channels of a position stand beside each other for the sum, whatever follows them.
Tensor Householder::reflected(const Tensor& x, int64_t by) const {
  Tensor q = vectors_[by];
  std::vector<int64_t> beside_channels(static_cast<size_t>(x.dim()) - 1, 1);
  beside_channels[0] = q.size(0);
  Tensor direction = q.view(beside_channels);
  Tensor along = (x * direction).sum(1, /*keepdim=*/true) / q.square().sum();
  return x - 2 * along * direction;
}

Mapped Householder::do_forward(const Tensor& x, const Pass&) {
  Tensor y = x;
  for (int64_t i = 0; i < vectors_.size(0); ++i) y = reflected(y, i);
  return {y};
}

Tensor Householder::do_inverse(const Tensor& z, const Pass&) {
  Tensor x = z;
  for (int64_t i = vectors_.size(0) - 1; i >= 0; --i) x = reflected(x, i);
  return x;
}

}  // namespace diffeo
