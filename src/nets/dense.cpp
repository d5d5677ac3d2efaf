#include "nets/dense.h"

#include <ATen/ATen.h>

#include <cmath>

namespace diffeo {

Dense::Dense(const Site& site, int64_t inputs, int64_t outputs, int64_t kernel,
             std::optional<double> bound) {
  Shape sizes{outputs, inputs};
  if (site.input.size() == 3) sizes.insert(sizes.end(), {kernel, kernel});
  double fan_in = static_cast<double>(std::max<int64_t>(1, numel(sizes) / outputs));
  double within = bound.value_or(1 / std::sqrt(fan_in));
  weight_ = register_parameter("weight", site.uniform("weight", sizes, within));
  bias_ = register_parameter("bias", site.uniform("bias", {outputs}, within));
}

Tensor Dense::forward(const Tensor& x) const {
  if (weight_.dim() == 2) return at::linear(x, weight_, bias_);
  return at::conv2d(x, weight_, bias_, /*stride=*/1, /*padding=*/weight_.size(2) / 2);
}

}  // namespace diffeo
