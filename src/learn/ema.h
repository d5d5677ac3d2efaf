#pragma once

#include "learn/flat_moments.h"

namespace diffeo {

// Exponential moving averages of flat weights [N] and of the running moments of batch norms [M],
// started from both as they are when it is built: right after the data-dependent start. Averaged
// weights see other activations than the newest ones, so they are used with moments averaged alike.
// Other buffers do not change in a training.
class Ema {
 public:
  Ema(double decay, const Tensor& weights, const Tensor& moments);

  // e <- e + (1 - decay)(w - e), w after the update. `admitted`: one number, 1, or 0 to stay.
  void follow(const Tensor& weights, const Tensor& moments, const Tensor& admitted);
  void restart(const Tensor& weights, const Tensor& moments);  // e <- w
  const Tensor& average() const { return average_; }
  const Tensor& moments() const { return moments_; }

 private:
  double decay_;
  Tensor average_, moments_;
};

// As long as it lives, the module computes with the averages in place of its weights and running
// moments. Nothing is copied, so these are what they were afterwards. A null average leaves the
// module alone.
class AveragedScope {
 public:
  AveragedScope(FlatParameters& weights, FlatMoments& moments, const Ema* ema)
      : weights_(weights), moments_(moments), shows_(ema != nullptr) {
    if (ema) show(ema->average(), ema->moments());
  }
  ~AveragedScope() {
    if (shows_) show(weights_.values(), moments_.values());
  }
  AveragedScope(const AveragedScope&) = delete;
  AveragedScope& operator=(const AveragedScope&) = delete;

 private:
  void show(const Tensor& weights, const Tensor& moments) {
    weights_.show(weights);
    moments_.show(moments);
  }

  FlatParameters& weights_;
  FlatMoments& moments_;
  bool shows_;
};

}  // namespace diffeo
