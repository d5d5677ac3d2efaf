#pragma once

#include <torch/nn/module.h>

#include "core/site.h"

namespace diffeo {

// Convolution 3x3 of openai/glow: its zero padding is told from the image by one more input
// channel, 1 on the padding and 0 inside. That channel's kernel is kept apart, and meets a map that
// is the same for every example. Outputs have their channels last where x has.
class EdgeConv final : public torch::nn::Module {
 public:
  // `deviation`: of the kernels' normal start; 0 starts them at zero. site.input: [C, H, W].
  EdgeConv(const Site& site, int64_t outputs, double deviation);
  Tensor forward(const Tensor& x) const;  // [B, C, H, W] -> [B, outputs, H, W]
  Tensor at_zero() const;                 // of an all-zero image: [1, outputs, H, W]

  // forward(x) scale + shift = inside(x, scale) + edge(scale, shift), the two parts apart: what
  // meets the image, and what is the same for every example. scale and shift: [outputs, 1, 1].
  Tensor inside(const Tensor& x, const Tensor& scale) const;    // [B, outputs, H, W]
  Tensor edge(const Tensor& scale, const Tensor& shift) const;  // [1, outputs, H, W]

 private:
  Tensor weight_;        // [outputs, C, 3, 3]
  Tensor edge_weight_;   // [outputs, 1, 3, 3]
  Tensor edge_patches_;  // [H W, 9]: what the edge channel's kernel meets at each position
  Shape image_;          // [C, H, W]
};

// A convolution whose output is (conv(x) + b) exp(3 logs), everything started at zero (openai/glow,
// conv2d_zeros).
class ZeroConv final : public torch::nn::Module {
 public:
  ZeroConv(const Site& site, int64_t outputs);
  Tensor forward(const Tensor& x) const;
  Tensor at_zero() const;

 private:
  Tensor finished(const Tensor& h) const;

  std::shared_ptr<EdgeConv> conv_;
  Tensor b_;     // [outputs, 1, 1]
  Tensor logs_;  // [outputs, 1, 1]
};

// (x W^T + b) exp(3 logs), started at zero (openai/glow, linear_zeros): [B, inputs] -> [B,
// outputs].
class ZeroLinear final : public torch::nn::Module {
 public:
  ZeroLinear(const Site& site, int64_t inputs, int64_t outputs);
  Tensor forward(const Tensor& x) const;

 private:
  Tensor weight_;  // [outputs, inputs]
  Tensor b_;       // [outputs]
  Tensor logs_;    // [outputs]
};

}  // namespace diffeo
