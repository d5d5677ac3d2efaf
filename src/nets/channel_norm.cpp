#include "nets/channel_norm.h"

#include <ATen/ATen.h>

namespace diffeo {

ChannelNorm::ChannelNorm(const Site& site, double scale) : scale_(scale), start_(*this, site) {
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
  Tensor deviation = (by_channel - mean).square().mean(1).sqrt();
  b_.copy_(-mean.view_as(b_));
  logs_.copy_((scale_ / (deviation + 1e-6)).log().view_as(logs_) / kGlowLogsFactor);
  start_.set();
}

Tensor ChannelNorm::forward(const Tensor& x, const Pass& pass) {
  if (pass.mode == Mode::kInitialise) initialise(x);
  start_.require_set();
  return (x + b_) * log_scale().exp();
}

Tensor ChannelNorm::inverse(const Tensor& y) {
  start_.require_set();
  return y * (-log_scale()).exp() - b_;
}

}  // namespace diffeo
