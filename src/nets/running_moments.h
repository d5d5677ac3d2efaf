#pragma once

#include <torch/nn/module.h>

#include "core/pass.h"
#include "core/site.h"
#include "nets/batch_start.h"

namespace diffeo {

// Mean and (biased) variance of each channel, shaped to broadcast over [B, C, ...]: [C, 1, ...].
struct Moments {
  Tensor mean, variance;
};

// How far running averages go towards the moments of a step's batch (laurent-dinh/models,
// real_nvp).
constexpr double kFollowRate = 0.1;

// The moments a batch norm divides by. Mode train: the batch's, with gradients. They stay pending
// here until whoever runs the training has the running averages follow them (learn/flat_moments.h):
// a step may be refused, or run again to see why. Mode replay: the batch's, and nothing becomes
// pending. Mode initialise: the batch's, which the running averages become. Mode evaluate: the
// running averages. Examples of one batch influence each other in all but the last.
class RunningMoments final : public torch::nn::Module, public TakesMoments {
 public:
  explicit RunningMoments(const Site& site);

  // `share`: the part of all entries that x holds; the others are counted as zeros.
  Moments of(const Tensor& x, const Pass& pass, double share = 1);
  Moments running() const { return {mean_, variance_}; }

  // of() for whoever computes the moments of a batch itself, in every mode but evaluate.
  void see(const Moments& batch, const Pass& pass);

  // Of the batches that train-mode passes have seen since forget(), equal in size, as if they were
  // one; running() where there was none. Without gradients.
  Moments pending() const { return passes_ > 0 ? pending_ : running(); }
  void forget() { passes_ = 0; }

 private:
  void pool(const Moments& batch);

  Tensor mean_;      // [C, 1, ...]
  Tensor variance_;  // [C, 1, ...]
  Moments pending_;
  int64_t passes_ = 0;  // that pending_ holds
};

// (x - mean) / sqrt(variance + 1e-4) + beta: RealNVP's batch norm inside networks, without a scale.
class ShiftNorm final : public torch::nn::Module {
 public:
  explicit ShiftNorm(const Site& site);
  Tensor forward(const Tensor& x, const Pass& pass);
  Tensor normalised_relu(const Tensor& x, const Pass& pass);  // relu(forward(x)), x an image

 private:
  std::shared_ptr<RunningMoments> moments_;
  Tensor beta_;  // [C, 1, ...]
};

// Added to a variance before its root is taken, in RealNVP's batch norms.
constexpr double kRealNvpEpsilon = 1e-4;

}  // namespace diffeo
