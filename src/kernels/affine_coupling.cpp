#include "kernels/affine_coupling.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/shape.h"
#include "kernels/affine_coupling_host.h"
#include "kernels/plain_kernels.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor plain_log_scale(const Tensor& r, const CouplingForm& form) {
  switch (form.scale) {
    case ScaleForm::kGlow: return at::log_sigmoid(r + 2);
    case ScaleForm::kExp: return r;
    case ScaleForm::kRealNvp: break;
  }
  Tensor log_scale = form.gain * r.tanh();
  return form.offset.defined() ? log_scale + form.offset : log_scale;
}

Coupled plain_coupling(const Tensor& x, const Tensor& raw, const CouplingForm& form) {
  int64_t leading = (x.size(1) + 1) / 2, count = raw.size(1) / 2;
  Tensor first = x.narrow(1, 0, leading), second = x.narrow(1, leading, x.size(1) - leading);
  bool is_glow = form.scale == ScaleForm::kGlow;
  Tensor shift = is_glow ? raw.slice(1, 0, std::nullopt, 2) : raw.narrow(1, 0, count);
  Tensor r = is_glow ? raw.slice(1, 1, std::nullopt, 2) : raw.narrow(1, count, count);
  Tensor log_scale = plain_log_scale(r, form);
  Tensor changed = ((form.keeps_first ? second : first) + shift) * log_scale.exp();
  Tensor y = form.keeps_first ? at::cat({first, changed}, 1) : at::cat({changed, second}, 1);
  return {y, sum_events(log_scale)};
}

// The layout that x, raw and their gradients are brought to: x's own where that is one.
at::MemoryFormat layout_of(const Tensor& x) {
  bool channels_last =
      x.dim() == 4 && !x.is_contiguous() && x.is_contiguous(at::MemoryFormat::ChannelsLast);
  return channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

Tensor or_undefined(const std::optional<Tensor>& tensor) { return tensor ? *tensor : Tensor(); }

struct CouplingLoops : torch::autograd::Function<CouplingLoops> {
  static variable_list forward(AutogradContext* context, const Tensor& given_x,
                               const Tensor& given_raw, const std::optional<Tensor>& gain,
                               const std::optional<Tensor>& offset, ScaleForm scale,
                               bool keeps_first) {
    at::MemoryFormat layout = layout_of(given_x);
    Tensor x = given_x.contiguous(layout), raw = given_raw.contiguous(layout);
    CouplingForm form{scale, keeps_first, or_undefined(gain), or_undefined(offset)};
    auto [y, log_det] = affine_coupling_host(x, raw, form);
    context->save_for_backward({y, raw, form.gain, form.offset});
    context->saved_data["scale"] = static_cast<int64_t>(scale);
    context->saved_data["keeps_first"] = keeps_first;
    return {y, log_det};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    variable_list saved = context->get_saved_variables();
    const Tensor& y = saved[0];
    CouplingForm form{static_cast<ScaleForm>(context->saved_data["scale"].toInt()),
                      context->saved_data["keeps_first"].toBool(), saved[2], saved[3]};
    auto [by_x, by_raw, by_gain, by_offset] = affine_coupling_gradient_host(
        y, saved[1], form, gradients[0].contiguous(layout_of(y)), gradients[1].contiguous());
    return {by_x,     by_raw,  by_gain, form.offset.defined() ? by_offset : Tensor(),
            Tensor(), Tensor()};
  }
};

std::optional<Tensor> if_defined(const Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace

Coupled affine_coupling(const Tensor& x, const Tensor& raw, const CouplingForm& form) {
  if (!x.is_cpu() || plain_kernels()) return plain_coupling(x, raw, form);
  variable_list out = CouplingLoops::apply(x, raw, if_defined(form.gain), if_defined(form.offset),
                                           form.scale, form.keeps_first);
  return {out[0], out[1]};
}

}  // namespace diffeo
