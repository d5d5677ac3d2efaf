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

// All numbers of a group's elements, one register a number, and back. Where an element's own stand
// together, one element after the other: a register put together of single numbers could not be
// loaded before these have left the processor's store buffer.
template <class V>
[[gnu::always_inline]] inline void read_numbers(const MixtureGroup<V>& group,
                                                const lanes::NumberOf<V>* raw, int64_t count,
                                                V* rows) {
  constexpr int64_t kLanes = lanes::kCount<V>;
  if (group.side_by_side) {
    for (int64_t i = 0; i < count; ++i)
      rows[i] = lanes::load<V>(raw + group.offset[0] + i * group.step);
    return;
  }
  auto* numbers = reinterpret_cast<lanes::NumberOf<V>*>(rows);
  for (int64_t lane = 0; lane < kLanes; ++lane)
    for (int64_t i = 0; i < count; ++i)
      numbers[i * kLanes + lane] = raw[group.offset[lane] + i * group.step];
}

template <class V>
[[gnu::always_inline]] inline void write_numbers(const MixtureGroup<V>& group, const V* rows,
                                                 int64_t count, lanes::NumberOf<V>* raw) {
  constexpr int64_t kLanes = lanes::kCount<V>;
  if (group.side_by_side) {
    for (int64_t i = 0; i < count; ++i)
      lanes::store(rows[i], raw + group.offset[0] + i * group.step);
    return;
  }
  const auto* numbers = reinterpret_cast<const lanes::NumberOf<V>*>(rows);
  for (int64_t lane = 0; lane < group.count; ++lane)
    for (int64_t i = 0; i < count; ++i)
      raw[group.offset[lane] + i * group.step] = numbers[i * kLanes + lane];
}

// The loop over groups of elements that the three functions below share. `Visit` has
// visit(group, splines, rows), the elements' numbers in the first rows.
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
    std::vector<Row> memory(static_cast<size_t>(SplineLanes<V>::rows(spline)));
    V* rows = reinterpret_cast<V*>(memory.data());
    for (int64_t first = begin; first < end; first += lanes::kCount<V>) {
      MixtureGroup<V> group(layout, first);
      read_numbers(group, raw, layout.numbers(), rows);
      SplineLanes<V> splines(rows, spline);
      splines.read();
      visit(group, splines, rows);
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

  template <class V>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, SplineLanes<V>& splines,
                                         V*) const {
    auto [value, log_slope] = splines.evaluate(group.read_elements(x));
    group.write_elements(value, y);
    group.write_elements(log_slope, terms);
  }
};

template <class T>
struct SplineGradient {
  const T *x, *by_y, *by_log_det;
  T *by_x, *by_raw;
  int64_t numbers;  // of each element

  template <class V>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, SplineLanes<V>& splines,
                                         V* rows) const {
    V dx = splines.gradient(group.read_elements(x), group.read_elements(by_y),
                            group.read_examples(by_log_det));
    group.write_elements(dx, by_x);
    write_numbers(group, rows, numbers, by_raw);
  }
};

template <class T>
struct SplineRoot {
  const T* y;
  T* x;

  template <class V>
  [[gnu::always_inline]] void operator()(const MixtureGroup<V>& group, SplineLanes<V>& splines,
                                         V*) const {
    group.write_elements(splines.solve(group.read_elements(y)), x);
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
                      by_raw.mutable_data_ptr<scalar_t>(), layout.numbers()});
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
