#include "kernels/mixture_aten.h"

#include <ATen/ATen.h>
#include <torch/autograd.h>

#include "core/shape.h"
#include "kernels/logistic_mixture.h"

namespace diffeo {
namespace {

// An element's numbers, each [B, C, ...]; of the components [B, C, K, ...].
struct MixtureNumbers {
  Tensor log_scale, shift, log_weights, means, log_scales;
};

MixtureNumbers read_numbers(const Tensor& x, const Tensor& raw, int64_t components) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.insert(sizes.begin() + 2, 2 + 3 * components);
  Tensor numbers = raw.reshape(sizes);
  auto part = [&](int64_t i) { return numbers.narrow(2, 2 + i * components, components); };
  return {numbers.select(2, 0).tanh(), numbers.select(2, 1), part(0).log_softmax(2), part(1),
          part(2).clamp_min(kSmallestLogScale)};
}

struct LogitAndSlope {
  Tensor logit, log_slope;
};

LogitAndSlope mixture_logit(const Tensor& x, const MixtureNumbers& n) {
  Tensor z = (x.unsqueeze(2) - n.means) * (-n.log_scales).exp();
  Tensor log_sigmoid = at::log_sigmoid(z), log_complement = at::log_sigmoid(-z);
  Tensor log_cdf = (n.log_weights + log_sigmoid).logsumexp(2);
  Tensor log_survival = (n.log_weights + log_complement).logsumexp(2);
  // log(f / F + f / S): log f - log F - log S would cancel in the tails.
  Tensor by_cdf =
      (n.log_weights + log_sigmoid - log_cdf.unsqueeze(2)) + (log_complement - n.log_scales);
  Tensor by_survival =
      (n.log_weights + log_complement - log_survival.unsqueeze(2)) + (log_sigmoid - n.log_scales);
  return {log_cdf - log_survival, at::logaddexp(by_cdf, by_survival).logsumexp(2)};
}

// The bracket halves at least every second step; 2^-60 of it is beyond either precision.
constexpr int kInverseSteps = 120;

}  // namespace

std::pair<Tensor, Tensor> mixture_aten(const Tensor& x, const Tensor& raw, int64_t components) {
  MixtureNumbers n = read_numbers(x, raw, components);
  auto [logit, log_slope] = mixture_logit(x, n);
  return {n.log_scale.exp() * logit + n.shift, sum_events(log_slope + n.log_scale)};
}

std::pair<Tensor, Tensor> mixture_gradient_aten(const Tensor& x, const Tensor& raw,
                                                int64_t components, const Tensor& by_y,
                                                const Tensor& by_log_det) {
  at::AutoGradMode with_gradient(true);
  Tensor x_leaf = x.detach().requires_grad_(), raw_leaf = raw.detach().requires_grad_();
  auto [y, log_det] = mixture_aten(x_leaf, raw_leaf, components);
  auto gradients = torch::autograd::grad({y, log_det}, {x_leaf, raw_leaf}, {by_y, by_log_det});
  return {gradients[0], gradients[1]};
}

Tensor mixture_inverse_aten(const Tensor& y, const Tensor& raw, int64_t components) {
  MixtureNumbers n = read_numbers(y, raw, components);
  Tensor v = (y - n.shift) * (-n.log_scale).exp();
  Tensor quantiles = n.means + n.log_scales.exp() * v.unsqueeze(2);
  Tensor low = quantiles.amin(2), high = quantiles.amax(2), x = low + (high - low) / 2;
  for (int step = 0; step < kInverseSteps; ++step) {
    auto [logit, log_slope] = mixture_logit(x, n);
    Tensor miss = logit - v, above = miss > 0;
    high = at::where(above, x, high);
    low = at::where(above, low, x);
    Tensor newton = x - miss * (-log_slope).exp(), middle = low + (high - low) / 2;
    bool bisect = step % 2 == 1;
    x = bisect ? middle : at::where(at::logical_and(newton > low, newton < high), newton, middle);
  }
  return x;
}

}  // namespace diffeo
