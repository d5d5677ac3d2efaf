#include "transforms/sequence.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace diffeo {
namespace {

std::vector<Shape> all_ended(const std::vector<TransformPtr>& layers) {
  std::vector<Shape> shapes;
  for (const TransformPtr& layer : layers)
    shapes.insert(shapes.end(), layer->ended_shapes().begin(), layer->ended_shapes().end());
  return shapes;
}

}  // namespace

Sequence::Sequence(const Site& site, std::vector<TransformPtr> layers)
    : Transform("sequence", site, layers.empty() ? site.input : layers.back()->output_shape(),
                all_ended(layers)),
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

// An observer is to see every layer, and a start sets each by what it receives.
Link Sequence::forward_from(size_t i, const Tensor& x, const Pass& pass) {
  bool each_alone = pass.observer || pass.mode == Mode::kInitialise || i + 1 == layers_.size();
  std::optional<Mapped> both;
  if (!each_alone) both = layers_[i]->forward_with(*layers_[i + 1], x, pass);
  return both ? Link{2, std::move(*both)} : Link{1, layers_[i]->forward(x, pass)};
}

Mapped Sequence::do_forward(const Tensor& x, const Pass& pass) {
  Mapped whole{x};
  for (size_t i = 0; i < layers_.size();) {
    Link link = forward_from(i, whole.value, pass);
    whole.append(std::move(link.out));
    i += link.layers;
  }
  return whole;
}

Tensor Sequence::do_inverse(const Tensor& z, const Pass& pass) {
  return do_inverse_with(z, {}, pass);
}

Tensor Sequence::do_inverse_with(const Tensor& z, at::TensorList ended, const Pass& pass) {
  Tensor value = z;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    size_t left = ended.size() - (*layer)->ended_shapes().size();
    value = (*layer)->inverse(value, pass, ended.slice(left));
    ended = ended.slice(0, left);
  }
  return value;
}

Mapped Sequence::do_inverse_with_log_det(const Tensor& z, const Pass& pass) {
  Mapped whole{z};
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer)
    whole.append((*layer)->inverse_with_log_det(whole.value, pass));
  return whole;
}

}  // namespace diffeo
