#include "nets/channel_norm.h"

#include <ATen/ATen.h>

namespace diffeo {

void require_started(const std::string& path, const Tensor& flag, bool& is_ready) {
  is_ready = is_ready || flag.is_meta() || flag.item<bool>();
  require(is_ready, path,
          ": not initialised; call Flow::initialise with a batch, or load weights, first");
}

ChannelNorm::ChannelNorm(const Site& site, double scale) : path_(site.path), scale_(scale) {
  Shape per_channel(site.input.size(), 1);
  per_channel[0] = site.input[0];
  b_ = register_parameter("b", site.constant(per_channel, 0));
  logs_ = register_parameter("logs", site.constant(per_channel, 0));
  initialised_ = register_buffer("initialised", site.constant({}, 0).to(at::kBool));
}

Tensor ChannelNorm::log_scale() const { return kGlowLogsFactor * logs_; }

void ChannelNorm::initialise(const Tensor& x) {
  at::NoGradGuard no_grad;
  Tensor by_channel = x.transpose(0, 1).flatten(1);
  Tensor mean = by_channel.mean(1, /*keepdim=*/true);
  Tensor deviation = (by_channel - mean).square().mean(1).sqrt();
  b_.copy_(-mean.view_as(b_));
  logs_.copy_((scale_ / (deviation + 1e-6)).log().view_as(logs_) / kGlowLogsFactor);
  initialised_.fill_(true);
  is_ready_ = true;
}

void ChannelNorm::require_initialised() { require_started(path_, initialised_, is_ready_); }

Tensor ChannelNorm::forward(const Tensor& x, const Pass& pass) {
  if (pass.mode == Mode::kInitialise) initialise(x);
  require_initialised();
  return (x + b_) * log_scale().exp();
}

Tensor ChannelNorm::inverse(const Tensor& y) {
  require_initialised();
  return y * (-log_scale()).exp() - b_;
}

}  // namespace diffeo
