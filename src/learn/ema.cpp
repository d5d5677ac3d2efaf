#include "learn/ema.h"

#include <ATen/ATen.h>

namespace diffeo {

Ema::Ema(double decay, const Tensor& weights, const Tensor& moments)
    : decay_(decay), average_(weights.detach().clone()), moments_(moments.detach().clone()) {}

void Ema::follow(const Tensor& weights, const Tensor& moments, const Tensor& admitted) {
  Tensor share = admitted * (1 - decay_);
  average_.lerp_(weights, share);
  moments_.lerp_(moments, share);
}

void Ema::restart(const Tensor& weights, const Tensor& moments) {
  average_.copy_(weights);
  moments_.copy_(moments);
}

}  // namespace diffeo
