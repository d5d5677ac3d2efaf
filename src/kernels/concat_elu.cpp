#include "kernels/concat_elu.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/halves.h"
#include "kernels/plain_kernels.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class T>
struct EluPair {
  const T* x;
  DropoutMask<T> mask;
  T* y;

  template <class V>
  [[gnu::always_inline]] void operator()(V, int64_t i, int64_t first, int64_t second,
                                         int64_t count) const {
    V v = lanes::load_first<V>(x + i, count), tail = lanes::expm1(-lanes::magnitude(v));
    V plus = lanes::where<V>(v > 0, v, tail), minus = lanes::where<V>(v > 0, tail, -v);
    lanes::store_first<V>(mask.apply(plus, first, count), y + first, count);
    lanes::store_first<V>(mask.apply(minus, second, count), y + second, count);
  }
};

template <class T>
struct EluPairGradient {
  const T *x, *by_y;
  DropoutMask<T> mask;
  T* by_x;

  template <class V>
  [[gnu::always_inline]] void operator()(V, int64_t i, int64_t first, int64_t second,
                                         int64_t count) const {
    V v = lanes::load_first<V>(x + i, count), slope = lanes::exp(-lanes::magnitude(v));
    V plus = mask.apply(lanes::load_first<V>(by_y + first, count), first, count);
    V minus = mask.apply(lanes::load_first<V>(by_y + second, count), second, count);
    lanes::store_first<V>(lanes::where<V>(v > 0, plus - minus * slope, plus * slope - minus),
                          by_x + i, count);
  }
};

Tensor elu_value(const Tensor& x, const Tensor& dropped, double scale, InstructionSet set) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes[1] *= 2;
  Tensor y = x.new_empty(sizes);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "concat_elu", [&] {
    EluPair<scalar_t> body{x.const_data_ptr<scalar_t>(), mask_of<scalar_t>(dropped, scale),
                           y.mutable_data_ptr<scalar_t>()};
    run_over_halves<scalar_t>(set, x, body);
  });
  return y;
}

Tensor elu_gradient(const Tensor& x, const Tensor& by_y, const Tensor& dropped, double scale,
                    InstructionSet set) {
  Tensor by_x = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "concat_elu_gradient", [&] {
    EluPairGradient<scalar_t> body{x.const_data_ptr<scalar_t>(), by_y.const_data_ptr<scalar_t>(),
                                   mask_of<scalar_t>(dropped, scale),
                                   by_x.mutable_data_ptr<scalar_t>()};
    run_over_halves<scalar_t>(set, x, body);
  });
  return by_x;
}

struct ConcatElu : torch::autograd::Function<ConcatElu> {
  static variable_list forward(AutogradContext* context, const Tensor& x,
                               const std::optional<Tensor>& dropped, double scale, int64_t set) {
    Tensor whole_x = x.contiguous(), mask = dropped ? dropped->contiguous() : Tensor();
    context->save_for_backward({whole_x, mask});
    context->saved_data["scale"] = scale;
    context->saved_data["set"] = set;
    return {elu_value(whole_x, mask, scale, InstructionSet(set))};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("concat_elu");
    variable_list saved = context->get_saved_variables();
    return {elu_gradient(saved[0], gradients[0].contiguous(), saved[1],
                         context->saved_data["scale"].toDouble(),
                         InstructionSet(context->saved_data["set"].toInt())),
            Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor concat_elu_aten(const Tensor& x, const Dropout& dropout) {
  return dropped_out_aten(at::elu(at::cat({x, -x}, 1)), dropout);
}

Tensor concat_elu(const Tensor& x, const Dropout& dropout, InstructionSet set) {
  if (!takes_loops(x)) return concat_elu_aten(x, dropout);
  std::optional<Tensor> dropped;
  if (dropout.dropped.defined()) dropped = dropout.dropped;
  return ConcatElu::apply(x, dropped, dropout.scale, static_cast<int64_t>(set))[0];
}

}  // namespace diffeo
