#pragma once

#include <map>
#include <string>

#include "learn/learner.h"

namespace diffeo {

// Sums over the steps since the last line of metrics, in double precision on the flow's device.
// Keys: "steps", "nats", "gradient_norm", "auxiliary." + name.
class Interval {
 public:
  using Sums = std::map<std::string, double>;

  explicit Interval(Sums start = {}) : start_(std::move(start)) {}

  void add(const StepReport& report);
  Sums sums() const;  // waits for the device
  bool empty() const { return steps_ == 0 && start_.empty(); }
  int64_t fresh_steps() const {
    return steps_;
  }  // without those of the run that this one continues

 private:
  void add(const std::string& name, const Tensor& value);

  Sums start_;  // of the run that this one continues
  std::map<std::string, Tensor> sums_;
  int64_t steps_ = 0;
};

}  // namespace diffeo
