#include "kernels/attention.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/attention_lanes.h"
#include "kernels/plain_kernels.h"
#include "kernels/vector_loop.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct HeadSizes {
  int64_t examples, heads, depth, positions;

  HeadSizes(const Tensor& projected, int64_t count)
      : examples(projected.size(0)), heads(count), depth(projected.size(1) / (3 * count)) {
    positions = 1;
    for (int64_t dim = 2; dim < projected.dim(); ++dim) positions *= projected.size(dim);
  }

  int64_t numbers() const { return depth * positions; }  // of a head's queries

  // The n-th head of all examples, in `projected` or a tensor shaped as it.
  template <class T>
  AttentionHead<T> head(T* projected, int64_t n) const {
    T* queries = projected + (n / heads * 3 * heads + n % heads) * numbers();
    return {queries, queries + heads * numbers(), queries + 2 * heads * numbers(), depth,
            positions};
  }
};

// Over the heads of all examples.
template <class T>
struct AttentionLoop {
  HeadSizes sizes;
  const T* projected;
  T *out, *log_sums;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    HeadAttention<lanes::Lanes<T, kBytes>> attention(sizes.depth);
    for (int64_t n = begin; n < end; ++n) {
      attention.attend(sizes.head(projected, n), out + n * sizes.numbers(),
                       log_sums + n * sizes.positions);
    }
  }
};

template <class T>
struct AttentionGradientLoop {
  HeadSizes sizes;
  const T *projected, *out, *log_sums, *by_out;
  T* by_projected;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    HeadAttentionGradient<lanes::Lanes<T, kBytes>> gradient(sizes.depth, sizes.positions);
    for (int64_t n = begin; n < end; ++n) {
      int64_t place = n * sizes.numbers();
      gradient.differentiate(sizes.head(projected, n), out + place, log_sums + n * sizes.positions,
                             by_out + place, sizes.head(by_projected, n));
    }
  }
};

int64_t cost(const HeadSizes& sizes) { return sizes.positions * sizes.positions; }

// {[B, F, ...], the logarithm of each query's sum of exp(score), [B, heads, positions]}.
std::pair<Tensor, Tensor> attend(const Tensor& projected, int64_t heads, InstructionSet set) {
  HeadSizes sizes(projected, heads);
  std::vector<int64_t> shape = projected.sizes().vec();
  shape[1] /= 3;
  Tensor out = projected.new_empty(shape),
         log_sums = projected.new_empty({sizes.examples, heads, sizes.positions});
  AT_DISPATCH_FLOATING_TYPES(projected.scalar_type(), "attention", [&] {
    AttentionLoop<scalar_t> loop{sizes, projected.const_data_ptr<scalar_t>(),
                                 out.mutable_data_ptr<scalar_t>(),
                                 log_sums.mutable_data_ptr<scalar_t>()};
    run_in_threads(set, loop, sizes.examples * heads, cost(sizes));
  });
  return {out, log_sums};
}

Tensor attention_gradient(const Tensor& projected, int64_t heads, const Tensor& out,
                          const Tensor& log_sums, const Tensor& by_out, InstructionSet set) {
  HeadSizes sizes(projected, heads);
  Tensor by_projected = at::empty_like(projected);
  AT_DISPATCH_FLOATING_TYPES(projected.scalar_type(), "attention_gradient", [&] {
    AttentionGradientLoop<scalar_t> loop{sizes,
                                         projected.const_data_ptr<scalar_t>(),
                                         out.const_data_ptr<scalar_t>(),
                                         log_sums.const_data_ptr<scalar_t>(),
                                         by_out.const_data_ptr<scalar_t>(),
                                         by_projected.mutable_data_ptr<scalar_t>()};
    run_in_threads(set, loop, sizes.examples * heads, cost(sizes));
  });
  return by_projected;
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static variable_list forward(AutogradContext* context, const Tensor& projected, int64_t heads,
                               int64_t set) {
    Tensor whole = projected.contiguous();
    auto [out, log_sums] = attend(whole, heads, InstructionSet(set));
    context->save_for_backward({whole, out, log_sums});
    context->saved_data["heads"] = heads;
    context->saved_data["set"] = set;
    return {out};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("attention");
    variable_list saved = context->get_saved_variables();
    return {attention_gradient(saved[0], context->saved_data["heads"].toInt(), saved[1], saved[2],
                               gradients[0].contiguous(),
                               InstructionSet(context->saved_data["set"].toInt())),
            Tensor(), Tensor()};
  }
};

}  // namespace

Tensor attention_aten(const Tensor& projected, int64_t heads) {
  HeadSizes sizes(projected, heads);
  std::vector<int64_t> shape = projected.sizes().vec();
  shape[1] /= 3;
  std::vector<Tensor> parts =
      projected.reshape({sizes.examples, 3, heads, sizes.depth, sizes.positions})
          .transpose(3, 4)
          .contiguous()  // or every pair of positions would be stored
          .unbind(1);    // three of [B, heads, positions, depth]
  Tensor out = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);
  return out.transpose(2, 3).reshape(shape);
}

Tensor attention(const Tensor& projected, int64_t heads, InstructionSet set) {
  if (!takes_loops(projected)) return attention_aten(projected, heads);
  return AttentionFunction::apply(projected, heads, static_cast<int64_t>(set))[0];
}

}  // namespace diffeo
