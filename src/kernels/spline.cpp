#include "kernels/spline.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/plain_kernels.h"
#include "kernels/spline_aten.h"
#include "kernels/spline_host.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void keep(AutogradContext* context, const Tensor& x, const Tensor& raw, const Spline& spline) {
  context->save_for_backward({x, raw});
  context->saved_data["spline"] = spline.packed();
}

Spline kept_spline(AutogradContext* context) {
  return Spline::unpacked(context->saved_data["spline"].toDoubleVector());
}

// Loops on the host, tensor operations elsewhere.
bool runs_loops(const Tensor& x) { return x.is_cpu() && !plain_kernels(); }

std::pair<Tensor, Tensor> spline_value(const Tensor& x, const Tensor& raw, const Spline& spline) {
  return runs_loops(x) ? spline_host(x, raw, spline) : spline_aten(x, raw, spline);
}

std::pair<Tensor, Tensor> spline_gradient(const Tensor& x, const Tensor& raw, const Spline& spline,
                                          const Tensor& by_y, const Tensor& by_log_det) {
  return runs_loops(x) ? spline_gradient_host(x, raw, spline, by_y, by_log_det)
                       : spline_gradient_aten(x, raw, spline, by_y, by_log_det);
}

Tensor spline_root(const Tensor& y, const Tensor& raw, const Spline& spline) {
  return runs_loops(y) ? spline_inverse_host(y, raw, spline) : spline_inverse_aten(y, raw, spline);
}

struct SplineForward : torch::autograd::Function<SplineForward> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& raw,
                               const Spline& spline) {
    Tensor whole_x = x.contiguous(), whole_raw = raw.contiguous();
    keep(context, whole_x, whole_raw, spline);
    auto [y, log_det] = spline_value(whole_x, whole_raw, spline);
    return {y, log_det};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    variable_list saved = context->get_saved_variables();
    auto [by_x, by_raw] = spline_gradient(saved[0], saved[1], kept_spline(context),
                                          gradients[0].contiguous(), gradients[1].contiguous());
    return {by_x, by_raw, Tensor()};
  }
};

// With x = f^-1(y): dx/dy = 1 / f'(x) and dx/draw = -(df/draw) / f'(x).
struct SplineInverse : torch::autograd::Function<SplineInverse> {
  static variable_list forward(AutogradContext* context, const Tensor& y, const Tensor& raw,
                               const Spline& spline) {
    Tensor whole_raw = raw.contiguous();
    Tensor x = spline_root(y.contiguous(), whole_raw, spline);
    keep(context, x, whole_raw, spline);
    return {x};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &raw = saved[1];
    Spline spline = kept_spline(context);
    Tensor no_log_det = x.new_zeros({x.size(0)});
    auto [slope, unused] = spline_gradient(x, raw, spline, x.new_ones(x.sizes()), no_log_det);
    Tensor by_y = (gradients[0] / slope).contiguous();
    auto [by_x, by_raw] = spline_gradient(x, raw, spline, -by_y, no_log_det);
    return {by_y, by_raw, Tensor()};
  }
};

}  // namespace

std::vector<double> Spline::packed() const {
  return {static_cast<double>(bins),
          static_cast<double>(form),
          static_cast<double>(ends),
          left,
          right,
          bottom,
          top,
          minimum_width,
          minimum_height,
          minimum_slope,
          divisor};
}

Spline Spline::unpacked(const std::vector<double>& p) {
  return {.bins = static_cast<int64_t>(p[0]),
          .form = static_cast<SplineForm>(p[1]),
          .ends = static_cast<SplineEnds>(p[2]),
          .left = p[3],
          .right = p[4],
          .bottom = p[5],
          .top = p[6],
          .minimum_width = p[7],
          .minimum_height = p[8],
          .minimum_slope = p[9],
          .divisor = p[10]};
}

std::pair<Tensor, Tensor> rational_quadratic(const Tensor& x, const Tensor& raw,
                                             const Spline& spline) {
  variable_list out = SplineForward::apply(x, raw, spline);
  return {out[0], out[1]};
}

Tensor rational_quadratic_inverse(const Tensor& y, const Tensor& raw, const Spline& spline) {
  return SplineInverse::apply(y, raw, spline)[0];
}

}  // namespace diffeo
