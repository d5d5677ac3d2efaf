#include "kernels/shifted_relu.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/plain_kernels.h"
#include "kernels/row_loops.h"
#include "kernels/vector_loop.h"

namespace diffeo {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// h's rows; row r takes row r % period of the shift.
template <class T>
struct ShiftedReluLoop {
  int64_t channels, period;
  T* h;
  const T* shift;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    for (int64_t row = begin; row < end; ++row) {
      T* numbers = h + row * channels;
      const T* beside = shift + row % period * channels;
      lanes::over_channels<V>(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
        V sum = lanes::load_first<V>(numbers + c, n) + lanes::load_first<V>(beside + c, n);
        lanes::store_first(lanes::relu(sum), numbers + c, n);
      });
    }
  }
};

// A task is a row of the shift and a chunk of the rows that take it: task = chunk * period + row.
// The gradient of each task's part in the shift goes to `parts`.
template <class T>
struct ShiftedReluGradientLoop {
  int64_t channels, period, rows;
  const T *y, *by_y;
  T *by_h, *parts;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    for (int64_t task = begin; task < end; ++task) {
      int64_t first = task / period * kRowsOfChunk * period + task % period;
      int64_t last = std::min(rows, first + kRowsOfChunk * period);
      lanes::over_channels<V>(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
        V sum{};
        for (int64_t row = first; row < last; row += period) {
          int64_t at = row * channels + c;
          V passes = lanes::where<V>(lanes::load_first<V>(y + at, n) <= 0, V{},
                                     lanes::load_first<V>(by_y + at, n));
          sum += passes;
          lanes::store_first(passes, by_h + at, n);
        }
        lanes::store_first(sum, parts + task * channels + c, n);
      });
    }
  }
};

constexpr int64_t kNumbersOfShare = 1 << 14;  // fewer are not worth a thread

struct ShiftedRelu : torch::autograd::Function<ShiftedRelu> {
  static Tensor forward(AutogradContext* context, const Tensor& h, const Tensor& shift) {
    shifted_relu_host_(h, shift.contiguous(at::MemoryFormat::ChannelsLast));
    context->mark_dirty({h});
    context->save_for_backward({h});
    context->saved_data["shift"] = shift.sizes();
    return h;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto [by_h, by_shift] = shifted_relu_gradient_host(
        context->get_saved_variables()[0], context->saved_data["shift"].toIntVector(),
        gradients[0].contiguous(at::MemoryFormat::ChannelsLast));
    return {by_h, by_shift};
  }
};

// The matrix [B H W, C] of an image with its channels last, and back; vectors [B, C] are one.
Tensor rows_of(const Tensor& x) {
  return x.dim() == 2 ? x : x.permute({0, 2, 3, 1}).view({-1, x.size(1)});
}

Tensor shaped_as(const Tensor& like, const Tensor& rows) {
  if (like.dim() == 2) return rows;
  return rows.view({like.size(0), like.size(2), like.size(3), rows.size(1)}).permute({0, 3, 1, 2});
}

struct PointwiseRelu : torch::autograd::Function<PointwiseRelu> {
  static Tensor forward(AutogradContext* context, const Tensor& h, const Tensor& weight,
                        const Tensor& shift) {
    Tensor y = shaped_as(h, rows_of(h).mm(weight.t()));
    shifted_relu_host_(y, shift);
    context->save_for_backward({h, weight, y});
    context->saved_data["shift"] = shift.sizes();
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    variable_list saved = context->get_saved_variables();
    const Tensor &h = saved[0], &weight = saved[1], &y = saved[2];
    auto layout = y.dim() == 2 ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
    auto [by_sum, by_shift] = shifted_relu_gradient_host(
        y, context->saved_data["shift"].toIntVector(), gradients[0].contiguous(layout));
    Tensor rows = rows_of(by_sum);
    Tensor by_h = context->needs_input_grad(0) ? shaped_as(h, rows.mm(weight)) : Tensor();
    return {by_h, rows.t().mm(rows_of(h)), by_shift};
  }
};

bool takes_relu_loops(const Tensor& h) {
  return (h.dim() == 2 || has_rows(h)) && h.is_cpu() && h.numel() > 0 && !plain_kernels();
}

}  // namespace

void shifted_relu_host_(const Tensor& h, const Tensor& shift, InstructionSet set) {
  int64_t channels = h.size(1), rows = h.numel() / channels, period = shift.numel() / channels;
  AT_DISPATCH_FLOATING_TYPES(h.scalar_type(), "shifted_relu", [&] {
    ShiftedReluLoop<scalar_t> loop{channels, period, h.mutable_data_ptr<scalar_t>(),
                                   shift.const_data_ptr<scalar_t>()};
    at::parallel_for(0, rows, 1 + kNumbersOfShare / channels,
                     [&](int64_t begin, int64_t end) { run_loop(set, loop, begin, end); });
  });
}

ShiftedReluGradient shifted_relu_gradient_host(const Tensor& y, at::IntArrayRef shift_sizes,
                                               const Tensor& by_y, InstructionSet set) {
  int64_t channels = y.size(1), rows = y.numel() / channels;
  int64_t period = c10::multiply_integers(shift_sizes) / channels;
  int64_t chunks = row_chunks(rows / period);
  Tensor by_h = at::empty_like(y), parts = y.new_empty({chunks, period, channels});
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "shifted_relu_gradient", [&] {
    ShiftedReluGradientLoop<scalar_t> loop{channels,
                                           period,
                                           rows,
                                           y.const_data_ptr<scalar_t>(),
                                           by_y.const_data_ptr<scalar_t>(),
                                           by_h.mutable_data_ptr<scalar_t>(),
                                           parts.mutable_data_ptr<scalar_t>()};
    at::parallel_for(0, chunks * period, 1 + kNumbersOfShare / (kRowsOfChunk * channels),
                     [&](int64_t begin, int64_t end) { run_loop(set, loop, begin, end); });
  });
  Tensor total = chunks == 1 ? parts[0] : parts.sum(0);
  return {by_h, total.t().reshape(shift_sizes)};
}

Tensor shifted_relu_(const Tensor& h, const Tensor& shift) {
  bool takes_loops = h.dim() == 4 && takes_relu_loops(h);
  return takes_loops ? ShiftedRelu::apply(h, shift) : h.add_(shift).relu_();
}

Tensor pointwise_relu(const Tensor& h, const Tensor& weight, const Tensor& shift) {
  if (takes_relu_loops(h)) return PointwiseRelu::apply(h, weight, shift);
  if (h.dim() == 2) return at::linear(h, weight, shift).relu_();
  return at::conv2d(h, weight.unsqueeze(2).unsqueeze(3), shift.flatten()).relu_();
}

}  // namespace diffeo
