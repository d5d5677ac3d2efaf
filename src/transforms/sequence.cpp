#include "transforms/sequence.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace diffeo {

Sequence::Sequence(const Site& site, std::vector<TransformPtr> layers)
    : Transform("sequence", site, layers.empty() ? site.input : layers.back()->output_shape()),
      layers_(std::move(layers)) {
  Shape expected = site.input;
  for (const TransformPtr& layer : layers_) {
    require(layer->input_shape() == expected, layer->path(), ": takes ",
            to_string(layer->input_shape()), " but receives ", to_string(expected));
    expected = layer->output_shape();
    register_module(layer->path().substr(layer->path().rfind('.') + 1), layer);
  }
}

bool Sequence::stochastic() const {
  return std::any_of(layers_.begin(), layers_.end(),
                     [](auto& layer) { return layer->stochastic(); });
}

std::vector<Shape> Sequence::latent_shapes() const {
  return layers_.empty() ? Transform::latent_shapes() : layers_.back()->latent_shapes();
}

Mapped Sequence::do_forward(const Tensor& x, const Pass& pass) {
  Tensor value = x;
  Tensor total = zero_log_det(x);
  for (const TransformPtr& layer : layers_) {
    auto [next, log_det] = layer->forward(value, pass);
    value = next;
    total = total + log_det;
  }
  return {value, total};
}

Tensor Sequence::do_inverse(const Tensor& z, const Pass& pass) {
  Tensor value = z;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer)
    value = (*layer)->inverse(value, pass);
  return value;
}

}  // namespace diffeo
