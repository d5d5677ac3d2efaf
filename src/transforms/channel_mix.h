#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "core/site.h"

namespace diffeo {

// A learned invertible matrix W over the channels, shared by all positions: y = W x. (openai/glow
// multiplies row vectors from the right: its matrix is W^T.)
class ChannelMix : public torch::nn::Module {
 public:
  // [B, C, H, W] or [B, C] -> the same, images with their channels last in memory.
  Tensor forward(const Tensor& x) const;
  Tensor inverse(const Tensor& y) const;
  // forward(x scale + shift) as one map; scale and shift: [C, 1, ...].
  Tensor forward_scaled(const Tensor& x, const Tensor& scale, const Tensor& shift) const;

  // log |det W|, 0-dim, computed in double precision. Reads nothing back from a device.
  virtual Tensor log_abs_det() const = 0;

 private:
  virtual Tensor weight() const = 0;          // W, [C, C]
  virtual Tensor inverse_weight() const = 0;  // computed in double precision
};

// W itself.
std::shared_ptr<ChannelMix> make_plain_mix(const Tensor& start);

// W^T = P (strict_lower(L) + 1) (strict_upper(U) + diag(sign_s exp(log_s))), with P and sign_s
// fixed by the matrix it starts at (openai/glow, invertible_1x1_conv with LU_decomposed). The
// diagonals of L and U, and what lies beyond them, are inert.
std::shared_ptr<ChannelMix> make_lu_mix(const Tensor& start);

}  // namespace diffeo
