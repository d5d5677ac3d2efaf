#include "nets/channel_norm.h"

#include <ATen/ATen.h>

namespace diffeo {

constexpr double kGlowEpsilon = 1e-6;  // beside a deviation (openai/glow, actnorm_scale)

ChannelNorm::ChannelNorm(const Site& site, double scale)
    : TakesMoments(site.path, positions_of(site.input), When::kStart),
      scale_(scale),
      start_(*this, site) {
  Shape per_channel(site.input.size(), 1);
  per_channel[0] = site.input[0];
  b_ = register_parameter("b", site.constant(per_channel, 0));
  logs_ = register_parameter("logs", site.constant(per_channel, 0));
}

Tensor ChannelNorm::log_scale() const { return kGlowLogsFactor * logs_; }

void ChannelNorm::initialise(const Tensor& x) {
  at::NoGradGuard no_grad;
  Tensor by_channel = x.transpose(0, 1).flatten(1);
  Tensor mean = by_channel.mean(1, /*keepdim=*/true);
  Tensor deviation = root_mean_square(by_channel - mean, 1);
  deviation += start_epsilon(deviation, mean, kGlowEpsilon, /*share=*/1e-3);
  b_.copy_(-mean.view_as(b_));
  logs_.copy_((scale_ / deviation).log().view_as(logs_) / kGlowLogsFactor);
  start_.set();
}

Tensor ChannelNorm::forward(const Tensor& x, const Pass& pass) {
  if (pass.mode == Mode::kInitialise) initialise(x);
  start_.require_set();
  return (x + b_) * log_scale().exp();
}

std::pair<Tensor, Tensor> ChannelNorm::scale_and_shift() {
  start_.require_set();
  Tensor scale = log_scale().exp();
  return {scale, b_ * scale};
}

Tensor ChannelNorm::inverse(const Tensor& y) {
  start_.require_set();
  return y * (-log_scale()).exp() - b_;
}

}  // namespace diffeo
