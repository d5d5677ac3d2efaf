#pragma once

#include <map>
#include <string>

#include "config/optimizer_config.h"
#include "core/shape.h"

namespace diffeo {

// The updates of config/optimizer.h over flat weights [N], in place and without waiting for a
// device.
class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, const Tensor& weights);

  // One update at the schedule's rate. The gradient [N] must be finite and is used up. `admitted`:
  // one number, 1, or 0 to leave weights and state as they are.
  void update(const Tensor& weights, const Tensor& gradient, const Tensor& admitted);

  // Whether the next update certainly leaves weights and state finite, one bool on the device. To
  // be asked once before each update. `norm`: of its gradient, before clipping.
  //
  // No pass over the weights is needed to tell. Let F be the largest number of their precision and
  // n the norm after clipping, which no element of the gradient exceeds. Refused is
  //
  //   n > largest_norm() = sqrt(F) / 2   or   W > F / 4, where W bounds every weight.
  //
  // An element's square is then at most F / 4, and v (also Adamax's) lies between what it was and
  // that. M bounds every element of m, W every weight after the update:
  //
  //   Adam, AdamW, Adamax: M <- beta1 M + (1 - beta1) n,   W <- growth W + alpha M / epsilon,
  //                        growth = |1 - rate weight_decay| for AdamW, else 1
  //   RMSProp, M for d:    M <- momentum M + rate n / floor,   W <- W + M
  //
  // for no denominator is less than epsilon or floor. One that rounds to 0 makes W infinite. What W
  // gives away is harmless: with Adam's defaults, rate 1e-3 and norms of 1e6, it grows by 1e12 a
  // step at most, and F / 4 is 8e37 in single precision. Squares that round to 0 can make n too
  // small by 1e-18; what that adds to a weight stays in the room between F / 4 and F.
  Tensor keeps_finite(const Tensor& norm);
  double largest_norm() const { return largest_norm_; }

  // Whether the weights' bound was why an update was refused. Waits for the device.
  bool reaches_too_far() const;

  // Finds M and W anew, after weights or state were set from outside.
  void measure(const Tensor& weights);

  // Between runs: running means and such by name, each [N], and the number of updates made.
  const std::map<std::string, Tensor>& state() const { return state_; }
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }

  double learning_rate() const;  // of the next update
  double clip_norm() const;      // 0: none

 private:
  double next() const { return static_cast<double>(updates_ + 1); }  // the update's t

  OptimizerConfig config_;
  std::map<std::string, Tensor> state_;
  int64_t updates_ = 0;
  double largest_norm_, largest_weight_;
  Tensor momentum_bound_, weight_bound_;  // M and W, one number each in double precision
};

}  // namespace diffeo
