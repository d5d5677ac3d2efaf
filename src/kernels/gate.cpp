#include "kernels/gate.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "kernels/halves.h"
#include "kernels/plain_kernels.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class T>
struct GateSum {
  const T *x, *raw;
  T* y;

  template <class V>
  [[gnu::always_inline]] void operator()(V, int64_t i, int64_t first, int64_t second,
                                         int64_t count) const {
    V a = lanes::load_first<V>(raw + first, count), b = lanes::load_first<V>(raw + second, count);
    V sum = lanes::load_first<V>(x + i, count) + a * lanes::sigmoid(b);
    lanes::store_first<V>(sum, y + i, count);
  }
};

template <class T>
struct GateGradient {
  const T *raw, *by_y;
  T* by_raw;

  template <class V>
  [[gnu::always_inline]] void operator()(V, int64_t i, int64_t first, int64_t second,
                                         int64_t count) const {
    V a = lanes::load_first<V>(raw + first, count), b = lanes::load_first<V>(raw + second, count);
    V by_a = lanes::load_first<V>(by_y + i, count) * lanes::sigmoid(b);
    lanes::store_first<V>(by_a, by_raw + first, count);
    lanes::store_first<V>(by_a * a * lanes::sigmoid(-b), by_raw + second, count);
  }
};

Tensor gate_value(const Tensor& x, const Tensor& raw, InstructionSet set) {
  Tensor y = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gated_sum", [&] {
    GateSum<scalar_t> body{x.const_data_ptr<scalar_t>(), raw.const_data_ptr<scalar_t>(),
                           y.mutable_data_ptr<scalar_t>()};
    run_over_halves<scalar_t>(set, x, body);
  });
  return y;
}

Tensor gate_gradient(const Tensor& raw, const Tensor& by_y, InstructionSet set) {
  Tensor by_raw = at::empty_like(raw);
  AT_DISPATCH_FLOATING_TYPES(raw.scalar_type(), "gated_sum_gradient", [&] {
    GateGradient<scalar_t> body{raw.const_data_ptr<scalar_t>(), by_y.const_data_ptr<scalar_t>(),
                                by_raw.mutable_data_ptr<scalar_t>()};
    run_over_halves<scalar_t>(set, by_y, body);
  });
  return by_raw;
}

struct GatedSum : torch::autograd::Function<GatedSum> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& raw,
                               int64_t set) {
    Tensor whole_raw = raw.contiguous();
    context->save_for_backward({whole_raw});
    context->saved_data["set"] = set;
    return {gate_value(x.contiguous(), whole_raw, InstructionSet(set))};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("gated_sum");
    Tensor raw = context->get_saved_variables()[0];
    auto set = static_cast<InstructionSet>(context->saved_data["set"].toInt());
    return {gradients[0], gate_gradient(raw, gradients[0].contiguous(), set), Tensor()};
  }
};

}  // namespace

Tensor gated_sum_aten(const Tensor& x, const Tensor& raw) {
  std::vector<Tensor> halves = raw.chunk(2, 1);
  return x + halves[0] * halves[1].sigmoid();
}

Tensor gated_sum(const Tensor& x, const Tensor& raw, InstructionSet set) {
  require(raw.numel() == 2 * x.numel(), "gated_sum: ", x.sizes(),
          " elements need two numbers each, got ", raw.sizes());
  if (!takes_loops({x, raw})) return gated_sum_aten(x, raw);
  return GatedSum::apply(x, raw, static_cast<int64_t>(set))[0];
}

}  // namespace diffeo
