#include "transforms/actnorm.h"

#include <ATen/ATen.h>

#include <cmath>

#include "transforms/inv_conv.h"

namespace diffeo {

constexpr double kFlowppEpsilon = 1e-8;  // beside a variance (flowpp, class Norm)

class PositionNorm final : public torch::nn::Module, public TakesMoments {
 public:
  explicit PositionNorm(const Site& site)
      : TakesMoments(site.path, /*numbers=*/1, When::kStart), start_(*this, site) {
    gain_ = register_parameter("gain", site.constant(site.input, 1));
    bias_ = register_parameter("bias", site.constant(site.input, 0));
  }

  Mapped forward(const Tensor& x, const Pass& pass) {
    if (pass.mode == Mode::kInitialise) initialise(x);
    Tensor gain = positive_gain();
    return {x * gain + bias_, gain.log().sum().expand({x.size(0)})};
  }

  Tensor inverse(const Tensor& y) { return (y - bias_) / positive_gain(); }

 private:
  Tensor positive_gain() {
    start_.require_set();
    return gain_.clamp_min(1e-10);
  }

  void initialise(const Tensor& x) {
    at::NoGradGuard no_grad;
    Tensor mean = x.mean(0, /*keepdim=*/true);
    Tensor deviation = root_mean_square(x - mean, 0);
    // The root of variance + epsilon, without a square that huge or tiny units would lose.
    Tensor epsilon = start_epsilon(deviation, mean, std::sqrt(kFlowppEpsilon), /*share=*/0.03);
    gain_.copy_(at::hypot(deviation, epsilon).reciprocal()[0]);
    bias_.copy_(-mean[0] * gain_);
    start_.set();
  }

  Tensor gain_, bias_;  // [C, H, W]
  StartFlag start_;
};

ActNorm::ActNorm(const ActNormConfig& config, const Site& site)
    : Transform(ActNormConfig::kType, site, site.input) {
  Site norm = site.inside("norm", site.input);
  if (config.per == ActNormPer::kChannel) {
    channels_ = register_module("norm", std::make_shared<ChannelNorm>(norm));
  } else {
    positions_ = register_module("norm", std::make_shared<PositionNorm>(norm));
  }
}

Mapped ActNorm::do_forward(const Tensor& x, const Pass& pass) {
  if (positions_) return positions_->forward(x, pass);
  Tensor y = channels_->forward(x, pass);
  return {y, log_det_of(x.size(0))};
}

Tensor ActNorm::log_det_of(int64_t examples) const {
  int64_t positions = numel(input_shape()) / input_shape()[0];
  return (channels_->log_scale().sum() * positions).expand(examples);
}

std::optional<Mapped> ActNorm::forward_with(Transform& next, const Tensor& x, const Pass&) {
  auto* mix = dynamic_cast<InvConv*>(&next);
  if (!mix || !channels_) return {};
  auto [scale, shift] = channels_->scale_and_shift();
  std::optional<Mapped> both = mix->forward_scaled(x, scale, shift);
  if (both) both->log_det = both->log_det + log_det_of(x.size(0));
  return both;
}

Tensor ActNorm::do_inverse(const Tensor& z, const Pass&) {
  return positions_ ? positions_->inverse(z) : channels_->inverse(z);
}

}  // namespace diffeo
