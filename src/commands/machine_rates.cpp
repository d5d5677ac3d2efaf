#include "commands/machine_rates.h"

#include <ATen/ATen.h>

#include "commands/repetition.h"

namespace diffeo {
namespace {

constexpr int64_t kCopiedBytes = int64_t{1} << 26;  // beyond the caches of all but the largest CPUs

// Large enough that starting it costs nothing beside it, small enough to take milliseconds.
int64_t gemm_size(c10::Device device) { return device.is_cpu() ? 768 : 4096; }

}  // namespace

MachineProbe::MachineProbe(const c10::TensorOptions& options,
                           std::optional<ConvolutionCall> convolution)
    : options_(options), call_(std::move(convolution)) {
  int64_t size = gemm_size(options.device());
  matrix_ = at::ones({size, size}, options);
  source_ = at::zeros({kCopiedBytes / static_cast<int64_t>(options.dtype().itemsize())}, options);
  target_ = at::zeros_like(source_);
  if (!call_) return;
  input_ = at::ones(call_->input, options);
  weight_ = at::ones(call_->weight, options);
}

MachineRates MachineProbe::measure(double seconds_each) const {
  at::NoGradGuard no_grad;
  auto seconds = [&](const auto& action) {
    return median(repeated(seconds_each, options_.device(), action));
  };
  double size = static_cast<double>(matrix_.size(0));
  MachineRates rates;
  rates.gemm = 2 * size * size * size / seconds([&] { at::mm(matrix_, matrix_); });
  rates.copy = 2 * static_cast<double>(kCopiedBytes) / seconds([&] { target_.copy_(source_); });
  if (call_) {
    rates.convolution =
        call_->flops / seconds([&] {
          at::convolution(input_, weight_, {}, call_->stride, call_->padding, call_->dilation,
                          /*transposed=*/false, {0}, call_->groups);
        });
  }
  return rates;
}

}  // namespace diffeo
