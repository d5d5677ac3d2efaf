#pragma once

#include <torch/nn/module.h>

#include "core/pass.h"
#include "core/site.h"
#include "nets/batch_start.h"
#include "nets/start_flag.h"

namespace diffeo {

// A convolution (odd kernel, stride 1, zero padding, bias) started from data: mode initialise gives
// each output channel mean 0 and deviation `scale` on the batch it receives (flowpp, nn.py, conv2d
// and nin). Kernels are drawn from N(0, 0.05^2). With weight norm the kernel is g V / |V| for each
// output channel and the start sets g, keeping V. One that was neither started nor loaded throws in
// every other mode.
class StartedConv final : public torch::nn::Module, public TakesMoments {
 public:
  struct Form {
    int64_t kernel = 1;
    bool weight_norm = false;
    double scale = 1;
  };

  StartedConv(const Site& site, int64_t inputs, int64_t outputs, Form form);
  Tensor forward(const Tensor& x, const Pass& pass);  // [B, inputs, H, W] -> [B, outputs, H, W]

 private:
  Tensor kernel() const;
  void initialise(const Tensor& x);

  double scale_;
  Tensor weight_;  // W, or V: [outputs, inputs, k, k]
  Tensor gain_;    // g, [outputs]; undefined without weight norm
  Tensor bias_;    // [outputs]
  StartFlag start_;
};

}  // namespace diffeo
