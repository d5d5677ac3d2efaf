#include "nets/glow_net.h"

#include <ATen/ATen.h>

#include "kernels/shifted_relu.h"

namespace diffeo {

constexpr double kGlowDeviation = 0.05;

GlowNet::GlowNet(const GlowNetConfig& config, const Site& site, int64_t outputs)
    : Conditioner(site) {
  require_image(site, GlowNetConfig::kType);
  int64_t width = config.hidden;
  Shape input = site.input, hidden = site.input;
  input[0] = input_channels(site);
  hidden[0] = width;
  auto norm = [&](const char* name) {
    return register_module(name, std::make_shared<ChannelNorm>(site.inside(name, hidden)));
  };
  first_ = register_module(
      "first", std::make_shared<EdgeConv>(site.inside("first", input), width, kGlowDeviation));
  first_norm_ = norm("first_norm");
  second_ =
      register_parameter("second", site.normal("second", {width, width, 1, 1}, kGlowDeviation));
  second_norm_ = norm("second_norm");
  last_ = register_module("last", std::make_shared<ZeroConv>(site.inside("last", hidden), outputs));
}

// Only here do the norms see what they normalise, which they set themselves by.
Tensor GlowNet::initialised_forward(const Tensor& x, const Pass& pass) {
  Tensor h = first_norm_->forward(first_->forward(x), pass).relu_();
  h = second_norm_->forward(at::conv2d(h, second_), pass).relu_();
  return last_->forward(h);
}

// The norms' scales and shifts go into the convolutions before them, conv(x, W) s + (e + b) s =
// conv(x, W s) + (e + b) s, so that each hidden map is written once and kept once.
Tensor GlowNet::do_forward(const Tensor& x, const Pass& pass) {
  if (pass.mode == Mode::kInitialise) return initialised_forward(x, pass);
  auto [first_scale, first_shift] = first_norm_->scale_and_shift();
  auto [second_scale, second_shift] = second_norm_->scale_and_shift();
  Tensor image = x.contiguous(at::MemoryFormat::ChannelsLast);
  Tensor h =
      shifted_relu_(first_->inside(image, first_scale), first_->edge(first_scale, first_shift));
  Tensor second = second_.flatten(1) * second_scale.flatten(1);
  return last_->forward(pointwise_relu(h, second, second_shift));
}

}  // namespace diffeo
