#include "kernels/norm_relu_host.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <vector>

#include "kernels/row_loops.h"
#include "kernels/vector_loop.h"

namespace diffeo {
namespace {

using at::Tensor;

// What a loop over chunks of rows leaves for each chunk and channel, for two sums at once.
struct PartialSums {
  PartialSums(int64_t chunks, int64_t channel_count)
      : channels(channel_count), first(chunks * channels), second(chunks * channels) {}

  template <class V>
  [[gnu::always_inline]] void write(int64_t chunk, int64_t c, int64_t count, V a, V b) {
    for (int64_t lane = 0; lane < count; ++lane) {
      first[chunk * channels + c + lane] = a[lane];
      second[chunk * channels + c + lane] = b[lane];
    }
  }

  int64_t channels;
  std::vector<double> first, second;
};

// The rows of an image, and the loop that the functors below share: visit(chunk, rows from, to, c,
// count) for each chunk and register of channels.
struct Rows {
  explicit Rows(const Tensor& x)
      : channels(x.size(1)), count(x.numel() / std::max<int64_t>(1, x.size(1))) {}

  int64_t chunks() const { return row_chunks(count); }

  template <class V, class Visit>
  [[gnu::always_inline]] void over(int64_t begin, int64_t end, const Visit& visit) const {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      int64_t from = chunk * kRowsOfChunk, to = std::min(count, from + kRowsOfChunk);
      lanes::over_channels<V>(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
        visit(chunk, from, to, c, n);
      });
    }
  }

  template <class Loop>
  void run(InstructionSet set, const Loop& loop) const {
    constexpr int64_t kChunksOfThread = 8;  // fewer are not worth a thread
    at::parallel_for(0, chunks(), kChunksOfThread,
                     [&](int64_t begin, int64_t end) { run_loop(set, loop, begin, end); });
  }

  int64_t channels, count;
};

// Of each chunk the mean and the sum of squares about it.
template <class T>
struct MomentsLoop {
  const Rows& rows;
  const T* x;
  PartialSums& sums;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    rows.over<V>(begin, end,
                 [&](int64_t chunk, int64_t from, int64_t to, int64_t c, int64_t n)
                     __attribute__((always_inline)) {
                       V mean{}, squares{};
                       for (int64_t r = from; r < to; ++r)
                         mean += lanes::load_first<V>(x + r * rows.channels + c, n);
                       mean /= static_cast<T>(to - from);
                       for (int64_t r = from; r < to; ++r) {
                         V apart = lanes::load_first<V>(x + r * rows.channels + c, n) - mean;
                         squares += apart * apart;
                       }
                       sums.write(chunk, c, n, mean, squares);
                     });
  }
};

// What an element's value and gradient are made of.
template <class T, class V>
struct Channel {
  V mean, scale, beta;

  [[gnu::always_inline]] Channel(const T* means, const T* scales, const T* betas, int64_t c,
                                 int64_t n)
      : mean(lanes::load_first<V>(means + c, n)),
        scale(lanes::load_first<V>(scales + c, n)),
        beta(lanes::load_first<V>(betas + c, n)) {}

  [[gnu::always_inline]] V normalised(V x) const { return (x - mean) * scale; }
  // by_y where the ReLU lets it through.
  [[gnu::always_inline]] V through(V normal, V by_y) const {
    return lanes::where<V>(normal + beta <= 0, V{}, by_y);
  }
};

template <class T>
struct ValueLoop {
  const Rows& rows;
  const T *x, *mean, *scale, *beta;
  T* y;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    rows.over<V>(begin, end,
                 [&](int64_t, int64_t from, int64_t to, int64_t c, int64_t n)
                     __attribute__((always_inline)) {
                       Channel<T, V> channel(mean, scale, beta, c, n);
                       for (int64_t at = from * rows.channels + c; from < to;
                            ++from, at += rows.channels) {
                         V normal = channel.normalised(lanes::load_first<V>(x + at, n));
                         lanes::store_first(lanes::relu(normal + channel.beta), y + at, n);
                       }
                     });
  }
};

// The sums of g and of g times the normalised x, with g the gradient that the ReLU lets through.
template <class T>
struct GradientSumsLoop {
  const Rows& rows;
  const T *x, *mean, *scale, *beta, *by_y;
  PartialSums& sums;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    rows.over<V>(begin, end,
                 [&](int64_t chunk, int64_t from, int64_t to, int64_t c, int64_t n)
                     __attribute__((always_inline)) {
                       Channel<T, V> channel(mean, scale, beta, c, n);
                       V sum{}, by_normal{};
                       for (int64_t at = from * rows.channels + c; from < to;
                            ++from, at += rows.channels) {
                         V normal = channel.normalised(lanes::load_first<V>(x + at, n));
                         V g = channel.through(normal, lanes::load_first<V>(by_y + at, n));
                         sum += g;
                         by_normal += g * normal;
                       }
                       sums.write(chunk, c, n, sum, by_normal);
                     });
  }
};

// by x = scale (g - mean(g) - normalised mean(g normalised)); the means are 0 where the moments are
// not those of x.
template <class T>
struct GradientLoop {
  const Rows& rows;
  const T *x, *mean, *scale, *beta, *by_y, *mean_g, *mean_by_normal;
  T* by_x;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    rows.over<V>(
        begin, end,
        [&](int64_t, int64_t from, int64_t to, int64_t c,
            int64_t n) __attribute__((always_inline)) {
          Channel<T, V> channel(mean, scale, beta, c, n);
          V by_mean = lanes::load_first<V>(mean_g + c, n),
            by_spread = lanes::load_first<V>(mean_by_normal + c, n);
          for (int64_t at = from * rows.channels + c; from < to; ++from, at += rows.channels) {
            V normal = channel.normalised(lanes::load_first<V>(x + at, n));
            V g = channel.through(normal, lanes::load_first<V>(by_y + at, n));
            lanes::store_first(channel.scale * (g - by_mean - normal * by_spread), by_x + at, n);
          }
        });
  }
};

// [C, 1, 1] of x's type.
Tensor per_channel(const std::vector<double>& numbers, const Tensor& x) {
  Tensor exact = x.new_empty({static_cast<int64_t>(numbers.size()), 1, 1}, at::kDouble);
  std::copy(numbers.begin(), numbers.end(), exact.mutable_data_ptr<double>());
  return exact.to(x.scalar_type());
}

std::vector<double> over_chunks(const std::vector<double>& partial, int64_t channels) {
  std::vector<double> total(channels);
  for (size_t i = 0; i < partial.size(); ++i) total[i % channels] += partial[i];
  return total;
}

// Chunks joined one after the other (Chan, Golub, LeVeque 1979).
void join_moments(const PartialSums& sums, const Rows& rows, std::vector<double>& mean,
                  std::vector<double>& squares) {
  for (int64_t chunk = 0; chunk < rows.chunks(); ++chunk) {
    double before = static_cast<double>(chunk * kRowsOfChunk);
    double added = std::min<double>(kRowsOfChunk, static_cast<double>(rows.count) - before);
    double share = added / (before + added);
    for (int64_t c = 0; c < rows.channels; ++c) {
      double apart = sums.first[chunk * rows.channels + c] - mean[c];
      mean[c] += share * apart;
      squares[c] += sums.second[chunk * rows.channels + c] + apart * apart * before * share;
    }
  }
}

}  // namespace

ChannelPair channel_moments_host(const Tensor& x, InstructionSet set) {
  Rows rows(x);
  PartialSums sums(rows.chunks(), rows.channels);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "channel_moments", [&] {
    rows.run(set, MomentsLoop<scalar_t>{rows, x.const_data_ptr<scalar_t>(), sums});
  });
  std::vector<double> mean(rows.channels), squares(rows.channels);
  join_moments(sums, rows, mean, squares);
  for (double& square : squares) square /= static_cast<double>(rows.count);
  return {per_channel(mean, x), per_channel(squares, x)};
}

Tensor norm_relu_host(const Tensor& x, const Tensor& mean, const Tensor& scale, const Tensor& beta,
                      InstructionSet set) {
  Rows rows(x);
  Tensor y = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "norm_relu", [&] {
    rows.run(set,
             ValueLoop<scalar_t>{rows, x.const_data_ptr<scalar_t>(),
                                 mean.const_data_ptr<scalar_t>(), scale.const_data_ptr<scalar_t>(),
                                 beta.const_data_ptr<scalar_t>(), y.mutable_data_ptr<scalar_t>()});
  });
  return y;
}

NormReluGradient norm_relu_gradient_host(const Tensor& x, const Tensor& mean, const Tensor& scale,
                                         const Tensor& beta, const Tensor& by_y,
                                         bool follows_moments, InstructionSet set) {
  Rows rows(x);
  PartialSums sums(rows.chunks(), rows.channels);
  Tensor by_x = at::empty_like(x), by_beta;
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "norm_relu_gradient", [&] {
    auto read = [](const Tensor& t) { return t.const_data_ptr<scalar_t>(); };
    rows.run(set, GradientSumsLoop<scalar_t>{rows, read(x), read(mean), read(scale), read(beta),
                                             read(by_y), sums});
    by_beta = per_channel(over_chunks(sums.first, rows.channels), x);
    double share = follows_moments ? 1 / static_cast<double>(rows.count) : 0;
    Tensor mean_g = by_beta * share;
    Tensor mean_by_normal = per_channel(over_chunks(sums.second, rows.channels), x) * share;
    rows.run(set, GradientLoop<scalar_t>{rows, read(x), read(mean), read(scale), read(beta),
                                         read(by_y), read(mean_g), read(mean_by_normal),
                                         by_x.mutable_data_ptr<scalar_t>()});
  });
  return {by_x, by_beta};
}

}  // namespace diffeo
