#include "transforms/householder.h"

#include <ATen/ATen.h>

#include "transforms/matrix_parts.h"

namespace diffeo {

Householder::Householder(const HouseholderConfig& config, const Site& site)
    : Transform(HouseholderConfig::kType, site, site.input) {
  vectors_ =
      register_parameter("vectors", site.normal("vectors", {config.reflections, site.input[0]}, 1));
}

Mapped Householder::do_forward(const Tensor& x, const Pass&) {
  return {all_reflected(x, vectors_)};
}

Tensor Householder::do_inverse(const Tensor& z, const Pass&) {
  return all_reflected_back(z, vectors_);
}

}  // namespace diffeo
