#pragma once

#include <torch/nn/module.h>

#include "core/pass.h"
#include "core/site.h"

namespace diffeo {

// Mean and (biased) variance of each channel, shaped to broadcast over [B, C, ...]: [C, 1, ...].
struct Moments {
  Tensor mean, variance;
};

// The moments a batch norm divides by. Mode train: the batch's, with gradients, and the running
// averages follow them by a tenth a pass (laurent-dinh/models, real_nvp). Mode initialise: the
// batch's, which the running averages become. Mode evaluate: the running averages. Examples of one
// batch influence each other in the first two modes.
class RunningMoments final : public torch::nn::Module {
 public:
  explicit RunningMoments(const Site& site);

  // `share`: the part of all entries that x holds; the others are counted as zeros.
  Moments of(const Tensor& x, const Pass& pass, double share = 1);
  Moments running() const { return {mean_, variance_}; }

 private:
  void follow(const Moments& batch, double rate);

  Tensor mean_;      // [C, 1, ...]
  Tensor variance_;  // [C, 1, ...]
};

// (x - mean) / sqrt(variance + 1e-4) + beta: RealNVP's batch norm inside networks, without a scale.
class ShiftNorm final : public torch::nn::Module {
 public:
  explicit ShiftNorm(const Site& site);
  Tensor forward(const Tensor& x, const Pass& pass);

 private:
  std::shared_ptr<RunningMoments> moments_;
  Tensor beta_;  // [C, 1, ...]
};

// Added to a variance before its root is taken, in RealNVP's batch norms.
constexpr double kRealNvpEpsilon = 1e-4;

}  // namespace diffeo
