#include "kernels/spline_host.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <cstddef>
#include <vector>

#include "kernels/mixture_layout.h"
#include "kernels/spline_lanes.h"
#include "kernels/vector_loop.h"

namespace diffeo {
namespace {

using at::Tensor;

// The loop over groups of elements that the three functions below share. `Visit` has
// visit(group, splines, number), the bins' shares computed.
template <class T, class Visit>
struct SplineLoop {
  const MixtureLayout& layout;
  const Spline& spline;
  const T* raw;
  const Visit& visit;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    struct alignas(kBytes) Row {
      std::byte bytes[kBytes];
    };
    std::vector<Row> memory(SplineLanes<V>::rows(spline.bins));
    V* rows = reinterpret_cast<V*>(memory.data());
    for (int64_t first = begin; first < end; first += lanes::kCount<V>) {
      MixtureGroup<V> group(layout, first);
      auto number = [&](int64_t i) __attribute__((always_inline)) { return group.read(raw, i); };
      SplineLanes<V> splines(rows, spline);
      splines.read(number);
      visit(group, splines, number);
    }
  }
};

constexpr int64_t kWidestGroup = 64;            // a multiple of each register's lanes
constexpr int64_t kNumbersOfAThread = 1 << 14;  // too few of them are not worth a thread

template <class T, class Visit>
void visit_splines(InstructionSet set, const MixtureLayout& layout, const Spline& spline,
                   const T* raw, const Visit& visit) {
  int64_t blocks = (layout.elements + kWidestGroup - 1) / kWidestGroup;
  int64_t grain = 1 + kNumbersOfAThread / (kWidestGroup * layout.numbers());
  at::parallel_for(0, blocks, grain, [&](int64_t begin, int64_t end) {
    run_loop(set, SplineLoop<T, Visit>{layout, spline, raw, visit}, begin * kWidestGroup,
             std::min(end * kWidestGroup, layout.elements));
  });
}

template <class T>
struct SplineValue {
  const T* x;
  T *y, *terms;

  template <class V, class Number>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, SplineLanes<V>& splines,
                                         const Number& number) const {
    auto [value, log_slope] = splines.evaluate(group.read_elements(x), number);
    group.write_elements(value, y);
    group.write_elements(log_slope, terms);
  }
};

template <class T>
struct SplineGradient {
  const T *x, *by_y, *by_log_det;
  T *by_x, *by_raw;

  template <class V, class Number>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, SplineLanes<V>& splines,
                                         const Number& number) const {
    auto write = [&](int64_t i, V derivative)
                     __attribute__((always_inline)) { group.write(derivative, by_raw, i); };
    V dy = group.read_elements(by_y);
    V dx = splines.gradient(group.read_elements(x), dy, group.read_examples(by_log_det), number,
                            write);
    group.write_elements(dx, by_x);
  }
};

template <class T>
struct SplineRoot {
  const T* y;
  T* x;

  template <class V, class Number>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, SplineLanes<V>& splines,
                                         const Number& number) const {
    group.write_elements(splines.solve(group.read_elements(y), number), x);
  }
};

MixtureLayout layout_of(const Tensor& x, const Tensor& raw, const Spline& spline) {
  return MixtureLayout(x, raw, spline.bins, spline.numbers());
}

}  // namespace

std::pair<Tensor, Tensor> spline_host(const Tensor& x, const Tensor& raw, const Spline& spline,
                                      InstructionSet set) {
  MixtureLayout layout = layout_of(x, raw, spline);
  Tensor y = at::empty_like(x), terms = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rational_quadratic", [&] {
    visit_splines(
        set, layout, spline, raw.const_data_ptr<scalar_t>(),
        SplineValue<scalar_t>{x.const_data_ptr<scalar_t>(), y.mutable_data_ptr<scalar_t>(),
                              terms.mutable_data_ptr<scalar_t>()});
  });
  return {y, terms.flatten(1).sum(1, /*keepdim=*/false, at::kDouble).to(x.scalar_type())};
}

std::pair<Tensor, Tensor> spline_gradient_host(const Tensor& x, const Tensor& raw,
                                               const Spline& spline, const Tensor& by_y,
                                               const Tensor& by_log_det, InstructionSet set) {
  MixtureLayout layout = layout_of(x, raw, spline);
  Tensor by_x = at::empty_like(x), by_raw = at::empty_like(raw);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rational_quadratic_gradient", [&] {
    visit_splines(set, layout, spline, raw.const_data_ptr<scalar_t>(),
                  SplineGradient<scalar_t>{
                      x.const_data_ptr<scalar_t>(), by_y.const_data_ptr<scalar_t>(),
                      by_log_det.const_data_ptr<scalar_t>(), by_x.mutable_data_ptr<scalar_t>(),
                      by_raw.mutable_data_ptr<scalar_t>()});
  });
  return {by_x, by_raw};
}

Tensor spline_inverse_host(const Tensor& y, const Tensor& raw, const Spline& spline,
                           InstructionSet set) {
  MixtureLayout layout = layout_of(y, raw, spline);
  Tensor x = at::empty_like(y);
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "rational_quadratic_inverse", [&] {
    visit_splines(
        set, layout, spline, raw.const_data_ptr<scalar_t>(),
        SplineRoot<scalar_t>{y.const_data_ptr<scalar_t>(), x.mutable_data_ptr<scalar_t>()});
  });
  return x;
}

}  // namespace diffeo
