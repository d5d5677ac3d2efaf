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

// Adds all that `step` has to say to `whole`, whose value it replaces.
void append(Mapped& whole, Mapped step) {
  whole.value = std::move(step.value);
  whole.log_det = sum_of(whole.log_det, step.log_det);
  for (Tensor& part : step.ended) whole.ended.push_back(std::move(part));
  for (auto& [name, term] : step.auxiliary) {
    Tensor& sum = whole.auxiliary[name];
    sum = sum_of(sum, term);
  }
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

// Of layer i and the next, where they join. An observer is to see every layer, and a start sets
// each by what it receives.
std::optional<Mapped> Sequence::forward_of_two(size_t i, const Tensor& x, const Pass& pass) {
  if (pass.observer || pass.mode == Mode::kInitialise || i + 1 == layers_.size()) return {};
  return layers_[i]->forward_with(*layers_[i + 1], x, pass);
}

Mapped Sequence::do_forward(const Tensor& x, const Pass& pass) {
  Mapped whole{x};
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (std::optional<Mapped> both = forward_of_two(i, whole.value, pass)) {
      append(whole, std::move(*both));
      ++i;
    } else {
      append(whole, layers_[i]->forward(whole.value, pass));
    }
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
    append(whole, (*layer)->inverse_with_log_det(whole.value, pass));
  return whole;
}

}  // namespace diffeo
