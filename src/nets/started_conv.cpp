#include "nets/started_conv.h"

#include <ATen/ATen.h>

#include "kernels/weight_norm.h"

namespace diffeo {
namespace {

Tensor padded_conv(const Tensor& x, const Tensor& kernel, const Tensor& bias) {
  return at::conv2d(x, kernel, bias, /*stride=*/1, /*padding=*/kernel.size(2) / 2);
}

}  // namespace

StartedConv::StartedConv(const Site& site, int64_t inputs, int64_t outputs, Form form)
    : TakesMoments(site.path, positions_of(site.input), When::kStart),
      scale_(form.scale),
      start_(*this, site) {
  weight_ = register_parameter(
      "weight", site.normal("weight", {outputs, inputs, form.kernel, form.kernel}, 0.05));
  if (form.weight_norm) gain_ = register_parameter("gain", site.constant({outputs}, 1));
  bias_ = register_parameter("bias", site.constant({outputs}, 0));
}

Tensor StartedConv::kernel() const {
  return gain_.defined() ? weight_normalised(weight_, gain_) : weight_;
}

// The authors leave the old bias out of what they normalise in plain layers and add to it under
// weight norm.
void StartedConv::initialise(const Tensor& x) {
  at::NoGradGuard no_grad;
  if (!gain_.defined()) bias_.zero_();
  Tensor by_channel = padded_conv(x, kernel(), bias_).transpose(0, 1).flatten(1);
  Tensor scale = scale_ * (by_channel.var(1, /*unbiased=*/false) + 1e-8).rsqrt();
  bias_.sub_(by_channel.mean(1) * scale);
  if (gain_.defined()) gain_.mul_(scale);
  else weight_.mul_(scale.view({-1, 1, 1, 1}));
  start_.set();
}

Tensor StartedConv::forward(const Tensor& x, const Pass& pass) {
  if (pass.mode == Mode::kInitialise) initialise(x);
  start_.require_set();
  return padded_conv(x, kernel(), bias_);
}

}  // namespace diffeo
