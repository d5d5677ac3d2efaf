#include "kernels/logistic_mixture.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/mixture_aten.h"
#include "kernels/mixture_host.h"
#include "kernels/plain_kernels.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A convolution that has the channels last writes `raw` so, and so it is read.
Tensor readable(const Tensor& raw) { return mixture_host_reads(raw) ? raw : raw.contiguous(); }

std::pair<Tensor, Tensor> value_of(const Tensor& x, const Tensor& raw, int64_t components) {
  return takes_loops({x, raw}) ? mixture_host(x, raw, components)
                               : mixture_aten(x, raw, components);
}

std::pair<Tensor, Tensor> gradient_of(const Tensor& x, const Tensor& raw, int64_t components,
                                      const Tensor& by_y, const Tensor& by_log_det) {
  return takes_loops({x, raw}) ? mixture_gradient_host(x, raw, components, by_y, by_log_det)
                               : mixture_gradient_aten(x, raw, components, by_y, by_log_det);
}

Tensor root_of(const Tensor& y, const Tensor& raw, int64_t components) {
  return takes_loops({y, raw}) ? mixture_inverse_host(y, raw, components)
                               : mixture_inverse_aten(y, raw, components);
}

struct Forward : torch::autograd::Function<Forward> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& raw,
                               int64_t components) {
    Tensor whole_x = x.contiguous(), whole_raw = readable(raw);
    context->save_for_backward({whole_x, whole_raw});
    context->saved_data["components"] = components;
    auto [y, log_det] = value_of(whole_x, whole_raw, components);
    return {y, log_det};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("logistic_mixture");
    variable_list saved = context->get_saved_variables();
    auto [by_x, by_raw] = gradient_of(saved[0], saved[1], context->saved_data["components"].toInt(),
                                      gradients[0].contiguous(), gradients[1].contiguous());
    return {by_x, by_raw, Tensor()};
  }
};

// With x = f^-1(y): dx/dy = 1 / f'(x) and dx/draw = -(df/draw) / f'(x).
struct Inverse : torch::autograd::Function<Inverse> {
  static variable_list forward(AutogradContext* context, const Tensor& y, const Tensor& raw,
                               int64_t components) {
    Tensor whole_raw = readable(raw);
    Tensor x = root_of(y.contiguous(), whole_raw, components);
    context->save_for_backward({x, whole_raw});
    context->saved_data["components"] = components;
    return {x};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("logistic_mixture");
    variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &raw = saved[1];
    int64_t components = context->saved_data["components"].toInt();
    Tensor no_log_det = x.new_zeros({x.size(0)});
    auto [slope, unused] = gradient_of(x, raw, components, x.new_ones(x.sizes()), no_log_det);
    Tensor by_y = (gradients[0] / slope).contiguous();
    auto [by_x, by_raw] = gradient_of(x, raw, components, -by_y, no_log_det);
    return {by_y, by_raw, Tensor()};
  }
};

}  // namespace

std::pair<Tensor, Tensor> logistic_mixture(const Tensor& x, const Tensor& raw, int64_t components) {
  variable_list out = Forward::apply(x, raw, components);
  return {out[0], out[1]};
}

Tensor logistic_mixture_inverse(const Tensor& y, const Tensor& raw, int64_t components) {
  return Inverse::apply(y, raw, components)[0];
}

Tensor logistic_mixture_evaluations(const Tensor& y, const Tensor& raw, int64_t components) {
  return mixture_evaluations_host(y.detach().cpu().contiguous(), raw.detach().cpu().contiguous(),
                                  components);
}

}  // namespace diffeo
