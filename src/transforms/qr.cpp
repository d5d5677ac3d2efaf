#include "transforms/qr.h"

#include <ATen/ATen.h>

#include "transforms/matrix_parts.h"

namespace diffeo {

Qr::Qr(const QrConfig& config, const Site& site) : Transform(QrConfig::kType, site, site.input) {
  int64_t c = site.input[0];
  upper_ = register_parameter("upper", site.constant({c * (c - 1) / 2}, 0));
  log_diagonal_ = register_parameter("log_diagonal", site.constant({c}, 0));
  vectors_ = register_parameter("vectors", site.normal("vectors", {config.reflections, c}, 1));
  bias_ = register_parameter("bias", site.constant({c}, 0));
}

Tensor Qr::upper() const { return triangular(upper_, log_diagonal_.exp(), /*upper=*/true); }

Mapped Qr::do_forward(const Tensor& x, const Pass&) {
  int64_t positions = numel(input_shape()) / input_shape()[0];
  Tensor y = all_reflected(times_channels(upper(), x), vectors_) + beside_channels(bias_, x);
  return {y, (log_diagonal_.sum() * positions).expand({x.size(0)})};
}

Tensor Qr::do_inverse(const Tensor& z, const Pass&) {
  return solved_channels(upper(), all_reflected_back(z - beside_channels(bias_, z), vectors_),
                         /*upper=*/true);
}

}  // namespace diffeo
