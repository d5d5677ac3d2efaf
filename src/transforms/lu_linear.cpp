#include "transforms/lu_linear.h"

#include <ATen/ATen.h>

#include "transforms/matrix_parts.h"

namespace diffeo {

LuLinear::LuLinear(const LuLinearConfig&, const Site& site)
    : Transform(LuLinearConfig::kType, site, site.input) {
  int64_t c = site.input[0], beside = c * (c - 1) / 2;
  lower_ = register_parameter("lower", site.constant({beside}, 0));
  upper_ = register_parameter("upper", site.constant({beside}, 0));
  raw_diagonal_ = register_parameter("raw_diagonal", site.constant({c}, raw_of_unit_scale()));
  bias_ = register_parameter("bias", site.constant({c}, 0));
}

Tensor LuLinear::diagonal() const { return scale_of(raw_diagonal_); }

Tensor LuLinear::lower() const { return triangular(lower_, at::ones_like(bias_), /*upper=*/false); }

Tensor LuLinear::upper() const { return triangular(upper_, diagonal(), /*upper=*/true); }

Mapped LuLinear::do_forward(const Tensor& x, const Pass&) {
  int64_t positions = numel(input_shape()) / input_shape()[0];
  Tensor y = times_channels(lower().mm(upper()), x) + beside_channels(bias_, x);
  return {y, (diagonal().log().sum() * positions).expand({x.size(0)})};
}

Tensor LuLinear::do_inverse(const Tensor& z, const Pass&) {
  Tensor half = solved_channels(lower(), z - beside_channels(bias_, z), /*upper=*/false);
  return solved_channels(upper(), half, /*upper=*/true);
}

}  // namespace diffeo
