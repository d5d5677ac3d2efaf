#include "transforms/context.h"

#include <ATen/ATen.h>

namespace diffeo {

void require_labels(const Site& site, const char* key) {
  require(site.classes > 0, key, ": needs labels, but the data have none (data.classes)");
}

Tensor one_hot_labels(const Pass& pass, const Tensor& like, int64_t classes) {
  require(pass.labels.defined(),
          "this flow is conditioned on classes, but this pass has no labels (Pass::labels)");
  return like.new_zeros({like.size(0), classes}).scatter_(1, pass.labels.unsqueeze(1), 1);
}

Shape context_shape(Context context, const Site& site, const Shape& input) {
  if (context == Context::kNone) return {};
  if (context == Context::kFeatures) {
    require(!site.features.empty(),
            "context: there are no features here; only the noise layers of a dequantizer with "
            "'features' have them");
    return site.features;
  }
  require_labels(site, "context");
  Shape shape = input;
  shape[0] = site.classes;
  return shape;
}

Tensor context_of(Context context, const Pass& pass, const Tensor& like, const Shape& shape) {
  if (context == Context::kNone) return {};
  if (context == Context::kFeatures) return pass.features;
  Tensor labels = one_hot_labels(pass, like, shape[0]);
  for (size_t d = 1; d < shape.size(); ++d) labels = labels.unsqueeze(-1);
  return labels.expand(batched(like.size(0), shape));
}

}  // namespace diffeo
