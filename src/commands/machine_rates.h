#pragma once

#include <c10/core/TensorOptions.h>

#include <optional>

#include "commands/operator_record.h"
#include "core/shape.h"

namespace diffeo {

// What this machine reaches in single operators, as fast as this LibTorch runs them here.
struct MachineRates {
  double gemm = 0;         // FLOP a second, of square matrices in the flow's precision
  double copy = 0;         // bytes a second, read and written, of a tensor beyond the caches
  double convolution = 0;  // FLOP a second; 0: the work has no convolution
};

// Runs each of them by itself. `convolution`: the one to run; nothing: none.
class MachineProbe {
 public:
  MachineProbe(const c10::TensorOptions& options, std::optional<ConvolutionCall> convolution);

  // Each for about as many seconds, at least once.
  MachineRates measure(double seconds_each) const;

 private:
  c10::TensorOptions options_;
  std::optional<ConvolutionCall> call_;
  Tensor matrix_, source_, target_, input_, weight_;
};

}  // namespace diffeo
