#include "transforms/svd.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "transforms/matrix_parts.h"

namespace diffeo {

Svd::Svd(const SvdConfig& config, const Site& site)
    : Transform(SvdConfig::kType, site, site.input) {
  int64_t c = site.input[0];
  Tensor start = site.normal("vectors", {config.reflections, c}, 1);
  raw_diagonal_ = register_parameter("raw_diagonal", site.constant({c}, raw_of_unit_scale()));
  std::vector<Tensor> reversed = start.unbind();
  std::reverse(reversed.begin(), reversed.end());
  outer_ = register_parameter("outer", at::stack(reversed));
  inner_ = register_parameter("inner", start);
  bias_ = register_parameter("bias", site.constant({c}, 0));
}

Mapped Svd::do_forward(const Tensor& x, const Pass&) {
  int64_t positions = numel(input_shape()) / input_shape()[0];
  Tensor scale = scale_of(raw_diagonal_);
  Tensor y = all_reflected(all_reflected(x, inner_) * beside_channels(scale, x), outer_);
  return {y + beside_channels(bias_, x), (scale.log().sum() * positions).expand({x.size(0)})};
}

Tensor Svd::do_inverse(const Tensor& z, const Pass&) {
  Tensor h = all_reflected_back(z - beside_channels(bias_, z), outer_);
  return all_reflected_back(h / beside_channels(scale_of(raw_diagonal_), z), inner_);
}

}  // namespace diffeo
