#include "nets/running_moments.h"

#include <ATen/ATen.h>

#include "kernels/norm_relu.h"

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

RunningMoments::RunningMoments(const Site& site)
    : TakesMoments(site.path, positions_of(site.input), When::kEveryStep) {
  Shape shape = one_per_channel(site.input);
  mean_ = register_buffer("mean", site.constant(shape, 0));
  variance_ = register_buffer("variance", site.constant(shape, 1));
}

// The mean goes towards the newest batch's by its share; the variance within batches likewise, and
// the variance between the batches' means is added (Chan, Golub, LeVeque 1979).
void RunningMoments::pool(const Moments& batch) {
  at::NoGradGuard no_grad;
  Tensor mean = batch.mean.detach(), variance = batch.variance.detach();
  double share = 1 / static_cast<double>(++passes_);
  if (passes_ > 1) {
    Tensor apart = mean - pending_.mean;
    variance = pending_.variance + share * (variance - pending_.variance) +
               share * (1 - share) * apart.square();
    mean = pending_.mean + share * apart;
  }
  pending_ = {mean, variance};
}

Moments RunningMoments::of(const Tensor& x, const Pass& pass, double share) {
  if (pass.mode == Mode::kEvaluate) return running();
  Moments batch = batch_moments(x, share);
  see(batch, pass);
  return batch;
}

void RunningMoments::see(const Moments& batch, const Pass& pass) {
  if (pass.mode == Mode::kReplay) return;  // the forward that is replayed has seen them
  if (pass.mode == Mode::kTrain) return pool(batch);
  at::NoGradGuard no_grad;
  mean_.copy_(batch.mean);
  variance_.copy_(batch.variance);
}

ShiftNorm::ShiftNorm(const Site& site)
    : moments_(register_module("moments", std::make_shared<RunningMoments>(site))) {
  beta_ = register_parameter("beta", site.constant(one_per_channel(site.input), 0));
}

Tensor ShiftNorm::forward(const Tensor& x, const Pass& pass) {
  auto [mean, variance] = moments_->of(x, pass);
  return (x - mean) * (variance + kRealNvpEpsilon).rsqrt() + beta_;
}

Tensor ShiftNorm::normalised_relu(const Tensor& x, const Pass& pass) {
  if (pass.mode == Mode::kEvaluate) {
    auto [mean, variance] = moments_->running();
    return norm_relu_by(x, beta_, mean, variance, kRealNvpEpsilon);
  }
  auto [y, mean, variance] = norm_relu(x, beta_, kRealNvpEpsilon);
  moments_->see({mean, variance}, pass);
  return y;
}

}  // namespace diffeo
