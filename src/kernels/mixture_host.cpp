#include "kernels/mixture_host.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <cstddef>
#include <vector>

#include "kernels/mixture_lanes.h"
#include "kernels/mixture_layout.h"
#include "kernels/vector_loop.h"

namespace diffeo {
namespace {

using at::Tensor;

// The loop over groups of elements that the three functions below share. `Visit` has
// visit(group, mixture), the mixture's numbers read.
template <class T, class Visit>
struct MixtureLoop {
  const MixtureLayout& layout;
  const T* raw;
  const Visit& visit;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    struct alignas(kBytes) Row {
      std::byte bytes[kBytes];
    };
    std::vector<Row> memory(MixtureLanes<V>::rows(layout.components));
    V* rows = reinterpret_cast<V*>(memory.data());
    for (int64_t first = begin; first < end; first += lanes::kCount<V>) {
      MixtureGroup<V> group(layout, first);
      for (int64_t i = 0; i < 3 * layout.components; ++i) rows[i] = group.read(raw, 2 + i);
      MixtureLanes<V> mixture(rows, layout.components);
      mixture.read();
      visit(group, mixture, rows);
    }
  }
};

// Threads begin at multiples of the widest register's elements, and a lane's result does not depend
// on the others: it does not matter how many there are.
constexpr int64_t kWidest = 64;
constexpr int64_t kNumbersOfThread = 1 << 14;  // too few of them are not worth a thread

template <class T, class Visit>
void visit_mixtures(InstructionSet set, const MixtureLayout& layout, const T* raw,
                    const Visit& visit) {
  int64_t blocks = (layout.elements + kWidest - 1) / kWidest;
  int64_t grain = 1 + kNumbersOfThread / (kWidest * layout.numbers());
  at::parallel_for(0, blocks, grain, [&](int64_t begin, int64_t end) {
    run_loop(set, MixtureLoop<T, Visit>{layout, raw, visit}, begin * kWidest,
             std::min(end * kWidest, layout.elements));
  });
}

template <class T>
struct Value {
  const T *x, *raw;
  T *y, *terms;

  template <class V>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, MixtureLanes<V>& mixture,
                                         V*) const {
    mixture.evaluate(group.read_elements(x));
    V s = lanes::tanh(group.read(raw, 0));
    group.write_elements(lanes::exp(s) * mixture.logit() + group.read(raw, 1), y);
    group.write_elements(mixture.log_slope() + s, terms);
  }
};

template <class T>
struct Gradient {
  const T *x, *raw, *by_y, *by_log_det;
  T *by_x, *by_raw;
  int64_t components;

  template <class V>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, MixtureLanes<V>& mixture,
                                         V* rows) const {
    mixture.evaluate(group.read_elements(x));
    V s = lanes::tanh(group.read(raw, 0)), dy = group.read_elements(by_y);
    V by_logit = dy * lanes::exp(s), by_slope = group.read_examples(by_log_det);
    group.write((by_logit * mixture.logit() + by_slope) * (1 - s * s), by_raw, 0);
    group.write(dy, by_raw, 1);
    group.write_elements(mixture.gradient(by_logit, by_slope), by_x);
    for (int64_t i = 0; i < 3 * components; ++i) group.write(rows[i], by_raw, 2 + i);
  }
};

template <class T>
struct Root {
  const T *y, *raw;
  T* x;
  int64_t* evaluations;  // null: not asked for

  template <class V>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, MixtureLanes<V>& mixture,
                                         V*) const {
    V shifted = group.read_elements(y) - group.read(raw, 1), root;
    auto counts =
        solve_mixtures(mixture, shifted * lanes::exp(-lanes::tanh(group.read(raw, 0))), root);
    group.write_elements(root, x);
    if (!evaluations) return;
    for (int64_t lane = 0; lane < group.count; ++lane)
      evaluations[group.first + lane] = counts[lane];
  }
};

// [B]; each summed in double precision by one thread.
template <class T>
void sum_examples(const MixtureLayout& layout, const T* terms, T* sums, int64_t examples) {
  at::parallel_for(0, examples, 1 + kNumbersOfThread / (1 + layout.of_example()),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t b = begin; b < end; ++b) {
                       double sum = 0;
                       for (int64_t i = 0; i < layout.of_example(); ++i)
                         sum += terms[b * layout.of_example() + i];
                       sums[b] = static_cast<T>(sum);
                     }
                   });
}

// {x, evaluations}; these only if asked for.
std::pair<Tensor, Tensor> solve(const Tensor& y, const Tensor& raw, int64_t components, bool count,
                                InstructionSet set) {
  MixtureLayout layout(y, raw, components);
  Tensor x = at::empty_like(y), counts = count ? at::empty_like(y, at::kLong) : Tensor();
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "logistic_mixture_inverse", [&] {
    const scalar_t* numbers = raw.const_data_ptr<scalar_t>();
    visit_mixtures(
        set, layout, numbers,
        Root<scalar_t>{y.const_data_ptr<scalar_t>(), numbers, x.mutable_data_ptr<scalar_t>(),
                       count ? counts.mutable_data_ptr<int64_t>() : nullptr});
  });
  return {x, counts};
}

}  // namespace

bool mixture_host_reads(const Tensor& raw) { return MixtureLayout::reads(raw); }

std::pair<Tensor, Tensor> mixture_host(const Tensor& x, const Tensor& raw, int64_t components,
                                       InstructionSet set) {
  MixtureLayout layout(x, raw, components);
  Tensor y = at::empty_like(x), terms = at::empty_like(x), log_det = x.new_empty({x.size(0)});
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "logistic_mixture", [&] {
    const scalar_t* numbers = raw.const_data_ptr<scalar_t>();
    scalar_t* of_elements = terms.mutable_data_ptr<scalar_t>();
    visit_mixtures(set, layout, numbers,
                   Value<scalar_t>{x.const_data_ptr<scalar_t>(), numbers,
                                   y.mutable_data_ptr<scalar_t>(), of_elements});
    sum_examples(layout, of_elements, log_det.mutable_data_ptr<scalar_t>(), x.size(0));
  });
  return {y, log_det};
}

std::pair<Tensor, Tensor> mixture_gradient_host(const Tensor& x, const Tensor& raw,
                                                int64_t components, const Tensor& by_y,
                                                const Tensor& by_log_det, InstructionSet set) {
  MixtureLayout layout(x, raw, components);
  Tensor by_x = at::empty_like(x), by_raw = at::empty_like(raw);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "logistic_mixture_gradient", [&] {
    const scalar_t* numbers = raw.const_data_ptr<scalar_t>();
    visit_mixtures(
        set, layout, numbers,
        Gradient<scalar_t>{x.const_data_ptr<scalar_t>(), numbers, by_y.const_data_ptr<scalar_t>(),
                           by_log_det.const_data_ptr<scalar_t>(), by_x.mutable_data_ptr<scalar_t>(),
                           by_raw.mutable_data_ptr<scalar_t>(), components});
  });
  return {by_x, by_raw};
}

Tensor mixture_inverse_host(const Tensor& y, const Tensor& raw, int64_t components,
                            InstructionSet set) {
  return solve(y, raw, components, false, set).first;
}

Tensor mixture_evaluations_host(const Tensor& y, const Tensor& raw, int64_t components,
                                InstructionSet set) {
  return solve(y, raw, components, true, set).second;
}

}  // namespace diffeo
