#pragma once

#include <torch/nn/module.h>

#include <optional>

#include "core/site.h"

namespace diffeo {

// W x + b of vectors, or, where the site's input is an image, a convolution with an odd kernel and
// zero padding. Weights and biases start uniform within 1 / sqrt(fan-in), as PyTorch's layers do,
// or within a bound.
class Dense final : public torch::nn::Module {
 public:
  Dense(const Site& site, int64_t inputs, int64_t outputs, int64_t kernel = 1,
        std::optional<double> bound = {});
  Tensor forward(const Tensor& x) const;

  const Tensor& weight() const { return weight_; }  // [outputs, inputs], or [outputs, inputs, k, k]
  const Tensor& bias() const { return bias_; }      // [outputs]

 private:
  Tensor weight_, bias_;
};

}  // namespace diffeo
