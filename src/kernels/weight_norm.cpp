#include "kernels/weight_norm.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "kernels/plain_kernels.h"
#include "kernels/vector_loop.h"
#include "kernels/vector_rows.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kSmallestSquare = 1e-12;

template <class V>
[[gnu::always_inline]] inline lanes::NumberOf<V> dot(const lanes::NumberOf<V>* a,
                                                     const lanes::NumberOf<V>* b, int64_t length) {
  V sums{};
  for (int64_t i = 0; i < length; i += lanes::kCount<V>)
    sums += lanes::load_first<V>(a + i, length - i) * lanes::load_first<V>(b + i, length - i);
  return lanes::sum(sums);
}

// Over the rows of V.
template <class T>
struct WeightLoop {
  int64_t length;
  const T *v, *g;
  T* w;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    for (int64_t row = begin; row < end; ++row) {
      const T* from = v + row * length;
      T square = std::max(dot<V>(from, from, length), T(kSmallestSquare));
      T factor = g[row] / std::sqrt(square);
      for (int64_t i = 0; i < length; i += lanes::kCount<V>) {
        V scaled = lanes::load_first<V>(from + i, length - i) * factor;
        lanes::store_first<V>(scaled, w + row * length + i, length - i);
      }
    }
  }
};

// By g it is d = (by_w . V) / |V|, by V (g / |V|) (by_w - V d / |V|); where |V| is held, it does
// not depend on V.
template <class T>
struct WeightGradientLoop {
  int64_t length;
  const T *v, *g, *by_w;
  T *by_v, *by_g;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    for (int64_t row = begin; row < end; ++row) {
      const T *from = v + row * length, *by = by_w + row * length;
      T square = dot<V>(from, from, length);
      bool held = square < T(kSmallestSquare);
      T inverse = 1 / std::sqrt(held ? T(kSmallestSquare) : square);
      by_g[row] = dot<V>(from, by, length) * inverse;
      T along = held ? 0 : by_g[row] * inverse, factor = g[row] * inverse;
      for (int64_t i = 0; i < length; i += lanes::kCount<V>) {
        V across = lanes::load_first<V>(by + i, length - i) -
                   lanes::load_first<V>(from + i, length - i) * along;
        lanes::store_first<V>(across * factor, by_v + row * length + i, length - i);
      }
    }
  }
};

int64_t row_length(const Tensor& v) { return v.numel() / std::max<int64_t>(1, v.size(0)); }

Tensor weight_value(const Tensor& v, const Tensor& g, InstructionSet set) {
  Tensor w = at::empty_like(v);
  AT_DISPATCH_FLOATING_TYPES(v.scalar_type(), "weight_normalised", [&] {
    WeightLoop<scalar_t> loop{row_length(v), v.const_data_ptr<scalar_t>(),
                              g.const_data_ptr<scalar_t>(), w.mutable_data_ptr<scalar_t>()};
    run_in_threads(set, loop, v.size(0), loop.length);
  });
  return w;
}

// {by V, by g}.
std::pair<Tensor, Tensor> weight_gradient(const Tensor& v, const Tensor& g, const Tensor& by_w,
                                          InstructionSet set) {
  Tensor by_v = at::empty_like(v), by_g = at::empty_like(g);
  AT_DISPATCH_FLOATING_TYPES(v.scalar_type(), "weight_normalised_gradient", [&] {
    WeightGradientLoop<scalar_t> loop{row_length(v),
                                      v.const_data_ptr<scalar_t>(),
                                      g.const_data_ptr<scalar_t>(),
                                      by_w.const_data_ptr<scalar_t>(),
                                      by_v.mutable_data_ptr<scalar_t>(),
                                      by_g.mutable_data_ptr<scalar_t>()};
    run_in_threads(set, loop, v.size(0), loop.length);
  });
  return {by_v, by_g};
}

struct WeightNormalised : torch::autograd::Function<WeightNormalised> {
  static variable_list forward(AutogradContext* context, const Tensor& v, const Tensor& g,
                               int64_t set) {
    Tensor whole_v = v.contiguous(), whole_g = g.contiguous();
    context->save_for_backward({whole_v, whole_g});
    context->saved_data["set"] = set;
    return {weight_value(whole_v, whole_g, InstructionSet(set))};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("weight_normalised");
    variable_list saved = context->get_saved_variables();
    auto set = static_cast<InstructionSet>(context->saved_data["set"].toInt());
    auto [by_v, by_g] = weight_gradient(saved[0], saved[1], gradients[0].contiguous(), set);
    return {by_v, by_g, Tensor()};
  }
};

}  // namespace

Tensor weight_normalised_aten(const Tensor& v, const Tensor& g) {
  std::vector<int64_t> of_rows(static_cast<size_t>(v.dim()), 1);
  of_rows[0] = -1;
  Tensor square = v.flatten(1).square().sum(1).clamp_min(kSmallestSquare);
  return v * (g * square.rsqrt()).view(of_rows);
}

Tensor weight_normalised(const Tensor& v, const Tensor& g, InstructionSet set) {
  if (!takes_loops({v, g})) return weight_normalised_aten(v, g);
  return WeightNormalised::apply(v, g, static_cast<int64_t>(set))[0];
}

}  // namespace diffeo
