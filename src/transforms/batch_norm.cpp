#include "transforms/batch_norm.h"

#include <ATen/ATen.h>

namespace diffeo {

BatchNorm::BatchNorm(const BatchNormConfig& config, const Site& site)
    : Transform(BatchNormConfig::kType, site, site.input), epsilon_(config.epsilon) {
  Shape per_channel(site.input.size(), 1);
  per_channel[0] = site.input[0];
  moments_ = register_module("moments",
                             std::make_shared<RunningMoments>(site.inside("moments", site.input)));
  log_gamma_ = register_parameter("log_gamma", site.constant(per_channel, 0));
  beta_ = register_parameter("beta", site.constant(per_channel, 0));
}

Mapped BatchNorm::do_forward(const Tensor& x, const Pass& pass) {
  auto [mean, variance] = moments_->of(x, pass);
  Tensor log_slope = log_scale(variance);
  int64_t positions = numel(input_shape()) / input_shape()[0];
  return {(x - mean) * log_slope.exp() + beta_, (log_slope.sum() * positions).expand(x.size(0))};
}

Tensor BatchNorm::do_inverse(const Tensor& z, const Pass&) {
  auto [mean, variance] = moments_->running();
  return (z - beta_) * (-log_scale(variance)).exp() + mean;
}

// By the running moments in every mode, as the inverse.
Mapped BatchNorm::do_inverse_with_log_det(const Tensor& z, const Pass& pass) {
  Tensor x = do_inverse(z, pass);
  return {x, -do_forward(x, pass.with_mode(Mode::kEvaluate)).log_det};
}

}  // namespace diffeo
