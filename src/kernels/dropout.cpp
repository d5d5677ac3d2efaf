#include "kernels/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/plain_kernels.h"
#include "kernels/vector_loop.h"
#include "kernels/vector_rows.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class T>
struct DropLoop {
  const T* x;
  DropoutMask<T> mask;
  T* y;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    for (int64_t i = begin; i < end; i += lanes::kCount<V>) {
      int64_t count = end - i;
      lanes::store_first<V>(mask.apply(lanes::load_first<V>(x + i, count), i, count), y + i, count);
    }
  }
};

Tensor drop_host(const Tensor& x, const Tensor& dropped, double scale, InstructionSet set) {
  Tensor y = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "dropped_out", [&] {
    DropLoop<scalar_t> loop{x.const_data_ptr<scalar_t>(), mask_of<scalar_t>(dropped, scale),
                            y.mutable_data_ptr<scalar_t>()};
    run_in_threads(set, loop, x.numel());
  });
  return y;
}

// Its own transpose: the gradient is dropped as the value was.
struct DroppedOut : torch::autograd::Function<DroppedOut> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& dropped,
                               double scale, int64_t set) {
    Tensor mask = dropped.contiguous();
    context->save_for_backward({mask});
    context->saved_data["scale"] = scale;
    context->saved_data["set"] = set;
    return {drop_host(x.contiguous(), mask, scale, InstructionSet(set))};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("dropped_out");
    Tensor mask = context->get_saved_variables()[0];
    return {drop_host(gradients[0].contiguous(), mask, context->saved_data["scale"].toDouble(),
                      InstructionSet(context->saved_data["set"].toInt())),
            Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor dropped_out_aten(const Tensor& x, const Dropout& dropout) {
  return dropout.dropped.defined() ? x.masked_fill(dropout.dropped, 0) * dropout.scale : x;
}

Tensor dropped_out(const Tensor& x, const Dropout& dropout, InstructionSet set) {
  if (!dropout.dropped.defined() || !takes_loops(x)) return dropped_out_aten(x, dropout);
  return DroppedOut::apply(x, dropout.dropped, dropout.scale, static_cast<int64_t>(set))[0];
}

}  // namespace diffeo
