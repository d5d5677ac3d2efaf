#include "flow/flow.h"

#include <ATen/ATen.h>

#include <cmath>

namespace diffeo {
namespace {

TransformPtr built(const std::vector<Layer>& layers, const Site& site) {
  try {
    return build_layers(layers, site);
  } catch (const Error& error) {
    fail(Exit::kUsage, error.what());
  }
}

}  // namespace

Flow::Flow(const std::vector<Layer>& layers, const Site& site, Base base)
    : options_(site.options),
      base_(base),
      layers_(register_module(site.path, built(layers, site))) {}

void Flow::initialise(const Tensor& x, const Pass& pass) {
  at::NoGradGuard no_grad;
  Pass initialising = pass;
  initialising.mode = Mode::kInitialise;
  layers_->forward(x, initialising);
}

Tensor Flow::log_prob(const Tensor& x, const Pass& pass) {
  auto [z, log_det] = layers_->forward(x, pass);
  return base_log_prob(base_, z) + log_det;
}

Tensor Flow::encode(const Tensor& x, const Pass& pass) {
  return layers_->forward(x, pass).value.flatten(1);
}

Tensor Flow::decode(const Tensor& z, const Pass& pass) {
  return layers_->inverse(z.reshape(batched(z.size(0), layers_->output_shape())), pass);
}

Tensor Flow::draw_latents(int64_t count, const Pass& pass) const {
  Tensor like = at::empty({count, numel(layers_->output_shape())}, options_);
  return base_sample(base_, pass.noise_for("latents"), "latents", like);
}

std::vector<Segment> Flow::latents() const {
  std::vector<Segment> segments;
  int64_t offset = 0;
  for (const Shape& shape : layers_->latent_shapes()) {
    segments.push_back({static_cast<int64_t>(segments.size()), offset, shape});
    offset += numel(shape);
  }
  return segments;
}

Tensor bits_per_dim(const Tensor& log_prob, int64_t dimensions) {
  return log_prob / (-std::log(2.0) * static_cast<double>(dimensions));
}

}  // namespace diffeo
