#pragma once

#include <torch/nn/module.h>

#include "core/pass.h"
#include "core/site.h"
#include "nets/batch_start.h"
#include "nets/start_flag.h"

namespace diffeo {

// y = (x + b) exp(3 logs), a b and a logs for each channel: the actnorm of openai/glow, which
// stores a third of the log-scale and so triples its learning rate. Mode initialise sets both to
// give the batch zero mean and standard deviation `scale`, but for start_epsilon(). A norm that was
// neither initialised nor loaded throws in every other mode.
class ChannelNorm final : public torch::nn::Module, public TakesMoments {
 public:
  ChannelNorm(const Site& site, double scale = 1);

  Tensor forward(const Tensor& x, const Pass& pass);  // [B, C, ...] -> the same
  Tensor inverse(const Tensor& y);
  Tensor log_scale() const;  // [C, 1, ...], natural logarithm of the scale

  // forward(x) as x scale + shift, each [C, 1, ...], to be folded into what stands before the norm.
  std::pair<Tensor, Tensor> scale_and_shift();

 private:
  void initialise(const Tensor& x);

  double scale_;
  Tensor b_;     // [C, 1, ...]
  Tensor logs_;  // [C, 1, ...]
  StartFlag start_;
};

// The factor between a stored `logs` of openai/glow and the log-scale it stands for.
constexpr double kGlowLogsFactor = 3;

}  // namespace diffeo
