#pragma once

#include "learn/flat_parameters.h"

namespace diffeo {

// Exponential moving average of flat weights [N], started from the weights as they are when it is
// built: right after the data-dependent start. Buffers are not averaged; an averaged model uses the
// newest ones.
class Ema {
 public:
  Ema(double decay, const Tensor& weights);

  // e <- e + (1 - decay)(w - e), w after the update. `admitted`: one number, 1, or 0 to stay.
  void follow(const Tensor& weights, const Tensor& admitted);
  void restart(const Tensor& weights);  // e <- w
  const Tensor& average() const { return average_; }

 private:
  double decay_;
  Tensor average_;
};

// As long as it lives, the module computes with the average in place of its weights. Nothing is
// copied, so the weights are what they were afterwards. A null average leaves the module alone.
class AveragedScope {
 public:
  AveragedScope(FlatParameters& flat, const Ema* ema) : flat_(flat), shows_(ema != nullptr) {
    if (ema) flat_.show(ema->average());
  }
  ~AveragedScope() {
    if (shows_) flat_.show(flat_.values());
  }
  AveragedScope(const AveragedScope&) = delete;
  AveragedScope& operator=(const AveragedScope&) = delete;

 private:
  FlatParameters& flat_;
  bool shows_;
};

}  // namespace diffeo
