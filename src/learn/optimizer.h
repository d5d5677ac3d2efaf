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

  // One update at the schedule's rate. The gradient [N] must be finite and is used up. `go`: one
  // number, 1, or 0 to leave weights and state as they are.
  void update(const Tensor& weights, const Tensor& gradient, const Tensor& go);

  // Between runs: running means and such by name, each [N], and the number of updates made.
  const std::map<std::string, Tensor>& state() const { return state_; }
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }

  double learning_rate() const;  // of the next update
  double clip_norm() const;      // 0: none

 private:
  OptimizerConfig config_;
  std::map<std::string, Tensor> state_;
  int64_t updates_ = 0;
};

}  // namespace diffeo
