#include "kernels/affine_coupling_host.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <vector>

#include "kernels/strided_half.h"
#include "kernels/vector_loop.h"
#include "kernels/vector_math.h"

namespace diffeo {
namespace {

using at::Tensor;

// The halves of a coupling as views.
struct CouplingViews {
  CouplingViews(const Tensor& x, const CouplingForm& form)
      : channels_last(x.dim() == 4 && !x.is_contiguous()), examples(x.size(0)) {
    int64_t leading = (x.size(1) + 1) / 2, others = x.size(1) - leading;
    from = form.keeps_first ? leading : 0;
    count = form.keeps_first ? others : leading;
    interleaved = form.scale == ScaleForm::kGlow;
    of_example = examples == 0 ? 0 : x.numel() / (examples * x.size(1)) * count;
  }

  StridedHalf changed(const Tensor& x) const { return half(x.narrow(1, from, count), x); }
  StridedHalf shift(const Tensor& raw) const {
    return half(interleaved ? raw.slice(1, 0, std::nullopt, 2) : raw.narrow(1, 0, count), raw);
  }
  StridedHalf scale(const Tensor& raw) const {
    return half(interleaved ? raw.slice(1, 1, std::nullopt, 2) : raw.narrow(1, count, count), raw);
  }
  StridedHalf half(const Tensor& view, const Tensor& whole) const {
    return StridedHalf(view, whole, channels_last);
  }

  bool channels_last, interleaved;
  int64_t examples, from, count;  // of the channels that change
  int64_t of_example;             // numbers that change
};

// The log scale of a register's worth of numbers, its exponential, and its derivative by r.
template <class V>
struct LogScale {
  V log, value, slope;
  V tanh;  // of ScaleForm::kRealNvp, the log scale's derivative by the gain
};

template <ScaleForm form, class T>
struct ScaleOf {
  T gain, offset;

  template <class V>
  [[gnu::always_inline]] LogScale<V> operator()(V r) const {
    if constexpr (form == ScaleForm::kGlow) {
      V u = r + 2, e = lanes::exp(-lanes::magnitude(u)), larger = 1 / (1 + e), other = e * larger;
      V log = lanes::where<V>(u < 0, u, V{}) - lanes::log1p(e);
      return {log, lanes::where<V>(u < 0, other, larger), lanes::where<V>(u < 0, larger, other),
              V{}};
    } else if constexpr (form == ScaleForm::kExp) {
      return {r, lanes::exp(r), V{} + 1, V{}};
    } else {
      V tanh = lanes::tanh(r), log = gain * tanh + offset;
      return {log, lanes::exp(log), gain * (1 - tanh * tanh), tanh};
    }
  }
};

// Numbers that are gathered, worked on and put back at once.
constexpr int64_t kChunk = 512;

template <class T>
struct alignas(64) Chunk {
  T numbers[kChunk] = {};
};

// visit(example, from, to) for the parts of examples in numbers first … first + count, counted from
// `first`.
template <class Visit>
[[gnu::always_inline]] inline void over_examples(int64_t first, int64_t count, int64_t of_example,
                                                 const Visit& visit) {
  int64_t example = first / of_example, from = 0, to = (example + 1) * of_example - first;
  for (; from < count; ++example, from = to, to += of_example)
    visit(example, from, std::min(to, count));
}

// What both loops know of their coupling; begin and end below count examples.
template <class T>
struct CouplingArgument {
  int64_t of_example;
  StridedHalf changed, shift, scale;
  const T* raw;
};

template <ScaleForm form, class T>
struct CouplingLoop {
  CouplingArgument<T> in;
  ScaleOf<form, T> scale_of;
  T* y;  // holds x
  double* log_det;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    Chunk<T> x, shift, log_scale;
    for (int64_t first = begin * in.of_example; first < end * in.of_example; first += kChunk) {
      int64_t count = std::min(kChunk, end * in.of_example - first);
      in.changed.gather(y, first, count, x.numbers);
      in.shift.gather(in.raw, first, count, shift.numbers);
      in.scale.gather(in.raw, first, count, log_scale.numbers);
      for (int64_t i = 0; i < count; i += lanes::kCount<V>) {
        LogScale<V> scale = scale_of(lanes::load<V>(log_scale.numbers + i));
        V moved = lanes::load<V>(x.numbers + i) + lanes::load<V>(shift.numbers + i);
        lanes::store(moved * scale.value, x.numbers + i);
        lanes::store(scale.log, log_scale.numbers + i);
      }
      in.changed.scatter(x.numbers, first, count, y);
      over_examples(first, count, in.of_example,
                    [&](int64_t b, int64_t from, int64_t to) __attribute__((always_inline)) {
                      for (; from < to; ++from) log_det[b] += log_scale.numbers[from];
                    });
    }
  }
};

template <ScaleForm form, class T>
struct CouplingGradientLoop {
  CouplingArgument<T> in;
  ScaleOf<form, T> scale_of;
  const T *y, *by_log_det;
  T *by_x, *by_raw;             // by_x holds by_y
  double *by_gain, *by_offset;  // of each example

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    Chunk<T> value, raw, gradient, by_log, tanh;
    for (int64_t first = begin * in.of_example; first < end * in.of_example; first += kChunk) {
      int64_t count = std::min(kChunk, end * in.of_example - first);
      in.changed.gather(y, first, count, value.numbers);
      in.changed.gather(by_x, first, count, gradient.numbers);
      in.scale.gather(in.raw, first, count, raw.numbers);
      over_examples(first, count, in.of_example,
                    [&](int64_t b, int64_t from, int64_t to) __attribute__((always_inline)) {
                      std::fill(by_log.numbers + from, by_log.numbers + to, by_log_det[b]);
                    });
      for (int64_t i = 0; i < count; i += lanes::kCount<V>) {
        LogScale<V> scale = scale_of(lanes::load<V>(raw.numbers + i));
        V dy = lanes::load<V>(gradient.numbers + i);
        V by_scale = dy * lanes::load<V>(value.numbers + i) + lanes::load<V>(by_log.numbers + i);
        lanes::store(dy * scale.value, gradient.numbers + i);
        lanes::store(by_scale * scale.slope, raw.numbers + i);
        lanes::store(by_scale, by_log.numbers + i);
        if constexpr (form == ScaleForm::kRealNvp) lanes::store(scale.tanh, tanh.numbers + i);
      }
      in.changed.scatter(gradient.numbers, first, count, by_x);
      in.shift.scatter(gradient.numbers, first, count, by_raw);
      in.scale.scatter(raw.numbers, first, count, by_raw);
      if constexpr (form == ScaleForm::kRealNvp) {
        over_examples(first, count, in.of_example,
                      [&](int64_t b, int64_t from, int64_t to) __attribute__((always_inline)) {
                        for (; from < to; ++from) {
                          by_gain[b] +=
                              static_cast<double>(by_log.numbers[from]) * tanh.numbers[from];
                          by_offset[b] += by_log.numbers[from];
                        }
                      });
      }
    }
  }
};

constexpr int64_t kNumbersOfTask = 1 << 12;  // fewer are not worth a thread

template <class Loop>
void over_all_examples(const CouplingViews& views, InstructionSet set, const Loop& loop) {
  if (views.of_example == 0) return;
  at::parallel_for(0, views.examples, 1 + kNumbersOfTask / views.of_example,
                   [&](int64_t begin, int64_t end) { run_loop(set, loop, begin, end); });
}

template <class T>
T scalar_or_zero(const Tensor& scalar) {
  return scalar.defined() ? *scalar.const_data_ptr<T>() : T(0);
}

// call(the functor for a form): the forms are compiled apart.
template <class T, class Call>
void with_scale(const CouplingForm& form, const Call& call) {
  T gain = scalar_or_zero<T>(form.gain), offset = scalar_or_zero<T>(form.offset);
  switch (form.scale) {
    case ScaleForm::kGlow: return call(ScaleOf<ScaleForm::kGlow, T>{gain, offset});
    case ScaleForm::kExp: return call(ScaleOf<ScaleForm::kExp, T>{gain, offset});
    case ScaleForm::kRealNvp: return call(ScaleOf<ScaleForm::kRealNvp, T>{gain, offset});
  }
}

Tensor zeros_in_double(const Tensor& like, at::IntArrayRef sizes) {
  return like.new_zeros(sizes, at::kDouble);
}

}  // namespace

Coupled affine_coupling_host(const Tensor& x, const Tensor& raw, const CouplingForm& form,
                             InstructionSet set) {
  CouplingViews views(x, form);
  Tensor y = x.clone(), log_det = zeros_in_double(x, {x.size(0)});
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "affine_coupling", [&] {
    CouplingArgument<scalar_t> in{views.of_example, views.changed(x), views.shift(raw),
                                  views.scale(raw), raw.const_data_ptr<scalar_t>()};
    with_scale<scalar_t>(form, [&]<ScaleForm kForm>(const ScaleOf<kForm, scalar_t>& scale_of) {
      over_all_examples(views, set,
                        CouplingLoop<kForm, scalar_t>{in, scale_of, y.mutable_data_ptr<scalar_t>(),
                                                      log_det.mutable_data_ptr<double>()});
    });
  });
  return {y, log_det.to(x.scalar_type())};
}

CouplingGradient affine_coupling_gradient_host(const Tensor& y, const Tensor& raw,
                                               const CouplingForm& form, const Tensor& by_y,
                                               const Tensor& by_log_det, InstructionSet set) {
  CouplingViews views(y, form);
  Tensor by_x = by_y.clone(), by_raw = at::empty_like(raw);
  Tensor sums = zeros_in_double(y, {2, y.size(0)});
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "affine_coupling_gradient", [&] {
    CouplingArgument<scalar_t> in{views.of_example, views.changed(y), views.shift(raw),
                                  views.scale(raw), raw.const_data_ptr<scalar_t>()};
    double* sum = sums.mutable_data_ptr<double>();
    with_scale<scalar_t>(form, [&]<ScaleForm kForm>(const ScaleOf<kForm, scalar_t>& scale_of) {
      over_all_examples(
          views, set,
          CouplingGradientLoop<kForm, scalar_t>{
              in, scale_of, y.const_data_ptr<scalar_t>(), by_log_det.const_data_ptr<scalar_t>(),
              by_x.mutable_data_ptr<scalar_t>(), by_raw.mutable_data_ptr<scalar_t>(), sum,
              sum + views.examples});
    });
  });
  if (form.scale != ScaleForm::kRealNvp) return {by_x, by_raw, {}, {}};
  Tensor totals = sums.sum(1).to(y.scalar_type());
  return {by_x, by_raw, totals[0], totals[1]};
}

}  // namespace diffeo
