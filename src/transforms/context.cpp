#include "transforms/context.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

Shape with_channels(Shape shape, int64_t channels) {
  shape[0] = channels;
  return shape;
}

}  // namespace

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
            "context: there are no features here; data with context columns have them "
            "(data.context), and the noise layers of a dequantizer with 'features'");
    return site.features.size() == 1 ? with_channels(input, site.features[0]) : site.features;
  }
  require_labels(site, "context");
  return with_channels(input, site.classes);
}

Tensor context_of(Context context, const Pass& pass, const Tensor& like, const Shape& shape) {
  if (context == Context::kNone) return {};
  bool is_class = context == Context::kClass;
  if (!is_class && (!pass.features.defined() || pass.features.dim() != 2)) return pass.features;
  Tensor vectors = is_class ? one_hot_labels(pass, like, shape[0]) : pass.features;
  for (size_t d = 1; d < shape.size(); ++d) vectors = vectors.unsqueeze(-1);
  return shape.size() == 1 ? vectors : vectors.expand(batched(like.size(0), shape));
}

}  // namespace diffeo
