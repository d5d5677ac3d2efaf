#include "nets/running_moments.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

Shape one_per_channel(const Shape& input) {
  Shape shape(input.size(), 1);
  shape[0] = input[0];
  return shape;
}

Moments batch_moments(const Tensor& x, double share) {
  std::vector<int64_t> others{0};
  for (int64_t d = 2; d < x.dim(); ++d) others.push_back(d);
  Tensor mean = share * x.mean(others, /*keepdim=*/true).squeeze(0);
  Tensor variance = share * (x - mean).square().mean(others, /*keepdim=*/true).squeeze(0);
  if (share < 1) variance = variance + (1 - share) * mean.square();
  return {mean, variance};
}

}  // namespace

RunningMoments::RunningMoments(const Site& site) {
  Shape shape = one_per_channel(site.input);
  mean_ = register_buffer("mean", site.constant(shape, 0));
  variance_ = register_buffer("variance", site.constant(shape, 1));
}

void RunningMoments::follow(const Moments& batch, double rate) {
  at::NoGradGuard no_grad;
  mean_.lerp_(batch.mean, rate);
  variance_.lerp_(batch.variance, rate);
}

Moments RunningMoments::of(const Tensor& x, const Pass& pass, double share) {
  if (pass.mode == Mode::kEvaluate) return running();
  Moments batch = batch_moments(x, share);
  follow(batch, pass.mode == Mode::kInitialise ? 1 : 0.1);
  return batch;
}

ShiftNorm::ShiftNorm(const Site& site)
    : moments_(register_module("moments", std::make_shared<RunningMoments>(site))) {
  beta_ = register_parameter("beta", site.constant(one_per_channel(site.input), 0));
}

Tensor ShiftNorm::forward(const Tensor& x, const Pass& pass) {
  auto [mean, variance] = moments_->of(x, pass);
  return (x - mean) * (variance + kRealNvpEpsilon).rsqrt() + beta_;
}

}  // namespace diffeo
