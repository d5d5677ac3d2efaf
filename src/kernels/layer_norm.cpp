#include "kernels/layer_norm.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/plain_kernels.h"
#include "kernels/vector_loop.h"
#include "kernels/vector_rows.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct NormSizes {
  int64_t examples, channels, positions;

  explicit NormSizes(const Tensor& x)
      : examples(x.size(0)),
        channels(x.size(1)),
        positions(x.numel() / std::max<int64_t>(1, x.size(0) * x.size(1))) {}
};

// Neighbouring positions, one in each lane, all channels of them. They are copied together, because
// planes of a power of two of positions would fall on each other in the cache.
template <class V>
struct NormalisedLanes {
  using T = lanes::NumberOf<V>;

  V* rows;  // a register a channel; normalised by read()
  int64_t channels;

  // From the channels of an example, `stride` apart. Returns 1 / sqrt(v + epsilon).
  [[gnu::always_inline]] V read(const T* x, int64_t stride, int64_t count) const {
    V mean{}, variance{};
    for (int64_t c = 0; c < channels; ++c) {
      rows[c] = lanes::load_first<V>(x + c * stride, count);
      mean += rows[c];
    }
    mean /= static_cast<T>(channels);
    for (int64_t c = 0; c < channels; ++c) {
      rows[c] -= mean;
      variance += rows[c] * rows[c];
    }
    V factor = lanes::reciprocal_sqrt(variance / static_cast<T>(channels) + T(kLayerNormEpsilon));
    for (int64_t c = 0; c < channels; ++c) rows[c] *= factor;
    return factor;
  }
};

// Over examples.
template <class T>
struct NormLoop {
  NormSizes sizes;
  const T *x, *gain, *bias;
  T* y;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    lanes::Scratch<V> scratch(sizes.channels);
    NormalisedLanes<V> normalised{scratch.data(), sizes.channels};
    for (int64_t b = begin; b < end; ++b) {
      for (int64_t p = 0; p < sizes.positions; p += lanes::kCount<V>) {
        int64_t place = b * sizes.channels * sizes.positions + p, count = sizes.positions - p;
        normalised.read(x + place, sizes.positions, count);
        for (int64_t c = 0; c < sizes.channels; ++c) {
          V out = normalised.rows[c] * gain[c] + bias[c];
          lanes::store_first<V>(out, y + place + c * sizes.positions, count);
        }
      }
    }
  }
};

// Over examples. With n the normalised x and g the gradient by n: by x it is
// (g - mean(g) - n mean(g n)) / sqrt(v + epsilon), the means over the channels.
template <class T>
struct NormGradientLoop {
  NormSizes sizes;
  const T *x, *gain, *by_y;
  T *by_x, *by_gain, *by_bias;  // the last two [B, C]

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    int64_t channels = sizes.channels;
    lanes::Scratch<V> scratch(4 * channels);
    V *rows = scratch.data(), *by_rows = rows + channels, *gains = by_rows + channels,
      *biases = gains + channels;
    for (int64_t b = begin; b < end; ++b) {
      std::fill_n(gains, 2 * channels, V{});
      for (int64_t p = 0; p < sizes.positions; p += lanes::kCount<V>) {
        int64_t place = b * channels * sizes.positions + p, count = sizes.positions - p;
        NormalisedLanes<V> normalised{rows, channels};
        V factor = normalised.read(x + place, sizes.positions, count);
        V mean{}, along{};
        for (int64_t c = 0; c < channels; ++c) {
          V by = lanes::load_first<V>(by_y + place + c * sizes.positions, count);
          gains[c] += by * rows[c];
          biases[c] += by;
          by_rows[c] = by * gain[c];
          mean += by_rows[c];
          along += by_rows[c] * rows[c];
        }
        mean /= static_cast<T>(channels);
        along /= static_cast<T>(channels);
        for (int64_t c = 0; c < channels; ++c) {
          V by = factor * (by_rows[c] - mean - rows[c] * along);
          lanes::store_first<V>(by, by_x + place + c * sizes.positions, count);
        }
      }
      for (int64_t c = 0; c < channels; ++c) {
        by_gain[b * channels + c] = lanes::sum(gains[c]);
        by_bias[b * channels + c] = lanes::sum(biases[c]);
      }
    }
  }
};

Tensor norm_value(const Tensor& x, const Tensor& gain, const Tensor& bias, InstructionSet set) {
  Tensor y = at::empty_like(x);
  NormSizes sizes(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "channel_layer_norm", [&] {
    NormLoop<scalar_t> loop{sizes, x.const_data_ptr<scalar_t>(), gain.const_data_ptr<scalar_t>(),
                            bias.const_data_ptr<scalar_t>(), y.mutable_data_ptr<scalar_t>()};
    run_in_threads(set, loop, sizes.examples, sizes.channels * sizes.positions);
  });
  return y;
}

// {by x, by gain, by bias}, these two shaped as gain. Sums are over each example first, whatever
// the number of threads.
variable_list norm_gradient(const Tensor& x, const Tensor& gain, const Tensor& by_y,
                            InstructionSet set) {
  NormSizes sizes(x);
  Tensor by_x = at::empty_like(x), by_gain = x.new_empty({sizes.examples, sizes.channels}),
         by_bias = at::empty_like(by_gain);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "channel_layer_norm_gradient", [&] {
    NormGradientLoop<scalar_t> loop{sizes,
                                    x.const_data_ptr<scalar_t>(),
                                    gain.const_data_ptr<scalar_t>(),
                                    by_y.const_data_ptr<scalar_t>(),
                                    by_x.mutable_data_ptr<scalar_t>(),
                                    by_gain.mutable_data_ptr<scalar_t>(),
                                    by_bias.mutable_data_ptr<scalar_t>()};
    run_in_threads(set, loop, sizes.examples, sizes.channels * sizes.positions);
  });
  return {by_x, by_gain.sum(0).view(gain.sizes()), by_bias.sum(0).view(gain.sizes())};
}

struct ChannelLayerNormFunction : torch::autograd::Function<ChannelLayerNormFunction> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& gain,
                               const Tensor& bias, int64_t set) {
    Tensor whole_x = x.contiguous(), whole_gain = gain.contiguous();
    context->save_for_backward({whole_x, whole_gain});
    context->saved_data["set"] = set;
    return {norm_value(whole_x, whole_gain, bias.contiguous(), InstructionSet(set))};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    require_single_derivative("channel_layer_norm");
    variable_list saved = context->get_saved_variables();
    auto set = static_cast<InstructionSet>(context->saved_data["set"].toInt());
    variable_list by = norm_gradient(saved[0], saved[1], gradients[0].contiguous(), set);
    return {by[0], by[1], by[2], Tensor()};
  }
};

}  // namespace

Tensor channel_layer_norm_aten(const Tensor& x, const Tensor& gain, const Tensor& bias) {
  std::vector<int64_t> of_channels(static_cast<size_t>(x.dim() - 1), 1);
  of_channels[0] = -1;
  Tensor centred = x - x.mean(1, /*keepdim=*/true);
  Tensor factor = (centred.square().mean(1, /*keepdim=*/true) + kLayerNormEpsilon).rsqrt();
  return centred * factor * gain.view(of_channels) + bias.view(of_channels);
}

Tensor channel_layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias,
                          InstructionSet set) {
  if (!takes_loops({x, gain, bias})) return channel_layer_norm_aten(x, gain, bias);
  return ChannelLayerNormFunction::apply(x, gain, bias, static_cast<int64_t>(set))[0];
}

}  // namespace diffeo
