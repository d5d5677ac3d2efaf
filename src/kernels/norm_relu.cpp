#include "kernels/norm_relu.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/norm_relu_host.h"
#include "kernels/plain_kernels.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool takes_rows(const Tensor& x) { return x.is_cpu() && x.numel() > 0 && !plain_kernels(); }

Tensor plain(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& beta,
             double epsilon) {
  return ((x - mean) * (variance + epsilon).rsqrt() + beta).relu_();
}

NormRelu plain_with_moments(const Tensor& x, const Tensor& beta, double epsilon) {
  const std::vector<int64_t> others{0, 2, 3};
  Tensor mean = x.mean(others, /*keepdim=*/true).squeeze(0);
  Tensor variance = (x - mean).square().mean(others, /*keepdim=*/true).squeeze(0);
  return {plain(x, mean, variance, beta, epsilon), mean.detach(), variance.detach()};
}

// Without moments given: those of x.
struct NormReluLoops : torch::autograd::Function<NormReluLoops> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& beta,
                               const std::optional<Tensor>& given_mean,
                               const std::optional<Tensor>& given_variance, double epsilon) {
    Tensor rows = x.contiguous(at::MemoryFormat::ChannelsLast);
    bool follows = !given_mean.has_value();
    auto [mean, variance] =
        follows ? channel_moments_host(rows) : ChannelPair{*given_mean, *given_variance};
    Tensor scale = (variance + epsilon).rsqrt_();
    context->save_for_backward({rows, mean, scale, beta});
    context->saved_data["follows"] = follows;
    Tensor y = norm_relu_host(rows, mean, scale, beta);
    if (!follows) return {y};
    context->mark_non_differentiable({mean, variance});
    return {y, mean, variance};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    variable_list saved = context->get_saved_variables();
    auto [by_x, by_beta] =
        norm_relu_gradient_host(saved[0], saved[1], saved[2], saved[3],
                                gradients[0].contiguous(at::MemoryFormat::ChannelsLast),
                                context->saved_data["follows"].toBool());
    return {by_x, by_beta, Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

NormRelu norm_relu(const Tensor& x, const Tensor& beta, double epsilon) {
  if (!takes_rows(x)) return plain_with_moments(x, beta, epsilon);
  variable_list out = NormReluLoops::apply(x, beta, std::nullopt, std::nullopt, epsilon);
  return {out[0], out[1], out[2]};
}

Tensor norm_relu_by(const Tensor& x, const Tensor& beta, const Tensor& mean, const Tensor& variance,
                    double epsilon) {
  if (!takes_rows(x)) return plain(x, mean, variance, beta, epsilon);
  return NormReluLoops::apply(x, beta, std::optional(mean), std::optional(variance), epsilon)[0];
}

}  // namespace diffeo
