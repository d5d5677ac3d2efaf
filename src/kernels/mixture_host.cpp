#include "kernels/mixture_host.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "core/error.h"
#include "kernels/mixture_element.h"

namespace diffeo {
namespace {

using at::Tensor;

// Where an element and its parameters stand. A plane is one channel of one example.
struct MixturePlanes {
  int64_t examples, channels, positions, components;

  MixturePlanes(const Tensor& x, const Tensor& raw, int64_t count)
      : examples(x.size(0)),
        channels(x.size(1)),
        positions(x.numel() / std::max<int64_t>(1, x.size(0) * x.size(1))),
        components(count) {
    require(raw.numel() == x.numel() * numbers(), "logistic_mixture: ", x.sizes(),
            " elements with ", components, " components need ", numbers(), " numbers each, got ",
            raw.sizes());
  }
  int64_t numbers() const { return 2 + 3 * components; }
  int64_t count() const { return examples * channels; }
  int64_t element(int64_t plane, int64_t position) const { return plane * positions + position; }
  int64_t first_number(int64_t plane, int64_t position) const {
    return plane * numbers() * positions + position;
  }
};

// Calls visit(mixture, plane, element, first number) for every element.
template <class T, class Visit>
void each_element(const MixturePlanes& planes, const T* raw, const Visit& visit) {
  at::parallel_for(0, planes.count(), 1, [&](int64_t begin, int64_t end) {
    MixtureElement<T> mixture(planes.components);
    for (int64_t plane = begin; plane < end; ++plane) {
      for (int64_t position = 0; position < planes.positions; ++position) {
        int64_t first = planes.first_number(plane, position);
        mixture.read(raw + first + 2 * planes.positions, planes.positions);
        visit(mixture, plane, planes.element(plane, position), first);
      }
    }
  });
}

// exp(-s) (y - t): what the mixture's logit must be.
template <class T>
T wanted_logit(T y, const T* raw, int64_t first, int64_t positions) {
  return (y - raw[first + positions]) * std::exp(-std::tanh(raw[first]));
}

}  // namespace

std::pair<Tensor, Tensor> mixture_host(const Tensor& x, const Tensor& raw, int64_t components) {
  MixturePlanes planes(x, raw, components);
  Tensor y = at::empty_like(x), log_det = x.new_zeros({planes.examples, planes.channels});
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "logistic_mixture", [&] {
    const scalar_t *in = x.const_data_ptr<scalar_t>(), *numbers = raw.const_data_ptr<scalar_t>();
    scalar_t *out = y.mutable_data_ptr<scalar_t>(), *sum = log_det.mutable_data_ptr<scalar_t>();
    each_element(planes, numbers,
                 [&](MixtureElement<scalar_t>& mixture, int64_t plane, int64_t i, int64_t first) {
                   mixture.evaluate(in[i]);
                   scalar_t s = std::tanh(numbers[first]);
                   out[i] = std::exp(s) * mixture.logit() + numbers[first + planes.positions];
                   sum[plane] += mixture.log_slope() + s;
                 });
  });
  return {y, log_det.sum(1)};
}

std::pair<Tensor, Tensor> mixture_gradient_host(const Tensor& x, const Tensor& raw,
                                                int64_t components, const Tensor& by_y,
                                                const Tensor& by_log_det) {
  MixturePlanes planes(x, raw, components);
  Tensor by_x = at::empty_like(x), by_raw = at::empty_like(raw);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "logistic_mixture_gradient", [&] {
    const scalar_t *in = x.const_data_ptr<scalar_t>(), *numbers = raw.const_data_ptr<scalar_t>();
    const scalar_t *dy = by_y.const_data_ptr<scalar_t>(),
                   *dl = by_log_det.const_data_ptr<scalar_t>();
    scalar_t *dx = by_x.mutable_data_ptr<scalar_t>(), *out = by_raw.mutable_data_ptr<scalar_t>();
    each_element(planes, numbers,
                 [&](MixtureElement<scalar_t>& mixture, int64_t plane, int64_t i, int64_t first) {
                   mixture.evaluate(in[i]);
                   scalar_t s = std::tanh(numbers[first]), scale = std::exp(s),
                            log_det = dl[plane / planes.channels];
                   out[first] = (dy[i] * scale * mixture.logit() + log_det) * (1 - s * s);
                   out[first + planes.positions] = dy[i];
                   dx[i] = mixture.gradient(dy[i] * scale, log_det,
                                            out + first + 2 * planes.positions, planes.positions);
                 });
  });
  return {by_x, by_raw};
}

Tensor mixture_inverse_host(const Tensor& y, const Tensor& raw, int64_t components) {
  MixturePlanes planes(y, raw, components);
  Tensor x = at::empty_like(y);
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "logistic_mixture_inverse", [&] {
    const scalar_t *in = y.const_data_ptr<scalar_t>(), *numbers = raw.const_data_ptr<scalar_t>();
    scalar_t* out = x.mutable_data_ptr<scalar_t>();
    each_element(
        planes, numbers, [&](MixtureElement<scalar_t>& mixture, int64_t, int64_t i, int64_t first) {
          solve_mixture(mixture, wanted_logit(in[i], numbers, first, planes.positions), out[i]);
        });
  });
  return x;
}

Tensor mixture_evaluations_host(const Tensor& y, const Tensor& raw, int64_t components) {
  MixturePlanes planes(y, raw, components);
  Tensor counts = y.new_zeros(y.sizes(), at::kLong);
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "logistic_mixture_evaluations", [&] {
    const scalar_t *in = y.const_data_ptr<scalar_t>(), *numbers = raw.const_data_ptr<scalar_t>();
    int64_t* out = counts.mutable_data_ptr<int64_t>();
    each_element(
        planes, numbers, [&](MixtureElement<scalar_t>& mixture, int64_t, int64_t i, int64_t first) {
          scalar_t x;
          out[i] = solve_mixture(mixture, wanted_logit(in[i], numbers, first, planes.positions), x);
        });
  });
  return counts;
}

}  // namespace diffeo
