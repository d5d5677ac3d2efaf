#include "learn/ema.h"

#include <ATen/ATen.h>

namespace diffeo {

Ema::Ema(double decay, const Tensor& weights) : decay_(decay), average_(weights.detach().clone()) {}

void Ema::follow(const Tensor& weights, const Tensor& admitted) {
  average_.lerp_(weights, admitted * (1 - decay_));
}

void Ema::restart(const Tensor& weights) { average_.copy_(weights); }

}  // namespace diffeo
