#pragma once

#include "kernels/logistic_mixture.h"
#include "kernels/vector_math.h"

namespace diffeo {

// Mixtures of logistics, one in each lane of a register, at one point each. Weights
// softmax(logits); log-scales held at kSmallestLogScale from below (Ho et al. 2019; flowpp,
// logistic.py).
//
// CDF F, survival S and density f are sums of positive terms, each with a logistic in it, that
// neither cancel nor lose a tail: logit log(F / S), slope f / (F S). Where one of them leaves the
// range of the numbers (a point far out, a wide gap between two components) the lane's sums are
// taken relative to their largest terms, by logarithms.
template <class V>
class MixtureLanes {
 public:
  using T = lanes::NumberOf<V>;
  using Mask = lanes::MaskOf<V>;

  // Rows of registers that a mixture needs: of these the first 3 K are the caller's to fill with
  // logits, means and log-scales, before read().
  static constexpr int64_t rows(int64_t components) { return 8 * components; }

  [[gnu::always_inline]] MixtureLanes(V* rows, int64_t components)
      : count_(components),
        logit_of_(rows),
        mean_(rows + components),
        log_scale_(rows + 2 * components),
        weight_(rows + 3 * components),
        sharpness_(rows + 4 * components),
        z_(rows + 5 * components),
        sigmoid_(rows + 6 * components),
        complement_(rows + 7 * components) {}

  [[gnu::always_inline]] void read() {
    top_ = logit_of_[0];
    for (int64_t k = 1; k < count_; ++k) top_ = lanes::larger(top_, logit_of_[k]);
    mass_ = sharpest_ = V{};
    for (int64_t k = 0; k < count_; ++k) {
      weight_[k] = lanes::exp(logit_of_[k] - top_);
      mass_ += weight_[k];
      sharpness_[k] = lanes::exp(-log_scale(k));
      sharpest_ = lanes::larger(sharpness_[k], sharpest_);
    }
  }

  [[gnu::always_inline]] void evaluate(V x) {
    cdf_ = survival_ = density_ = V{};
    for (int64_t k = 0; k < count_; ++k) {
      V z = (x - mean_[k]) * sharpness_[k], u = lanes::exp(-lanes::magnitude(z));
      V major = 1 / (1 + u), minor = u * major;
      V sigmoid = lanes::where<V>(z < 0, minor, major),
        complement = lanes::where<V>(z < 0, major, minor);
      V in_cdf = weight_[k] * sigmoid;
      cdf_ += in_cdf;
      survival_ += weight_[k] * complement;
      density_ += in_cdf * complement * sharpness_[k];
      z_[k] = z;
      sigmoid_[k] = sigmoid;
      complement_[k] = complement;
    }
    // The weights' sum is in all four: 1 / F + 1 / S = mass / (F S).
    logit_ = lanes::log(cdf_ / survival_);
    slope_ = density_ / survival_ * (mass_ / cdf_);
    slope_top_ = V{};
    V least = lanes::smaller(lanes::smaller(cdf_, survival_), density_);
    far_ = ~(least > kSmallestSum);
    some_far_ = lanes::any(far_);
    if (some_far_) evaluate_far();
  }

  [[gnu::always_inline]] V logit() const { return logit_; }
  [[gnu::always_inline]] V log_slope() const { return slope_top_ + lanes::log(slope_); }

  // `change` of the logit, in x.
  [[gnu::always_inline]] V newton_step(V change) const {
    V step = change / slope_;
    return some_far_ ? step * lanes::exp(-slope_top_) : step;
  }

  // Derivatives of a * logit + b * log_slope with respect to logits, means and log-scales, written
  // over them; returns that with respect to x.
  [[gnu::always_inline]] V gradient(V a, V b) {
    V by_x{}, by_mass = 1 / mass_, by_cdf = 1 / cdf_, by_survival = 1 / survival_,
              by_density = 1 / density_;
    for (int64_t k = 0; k < count_; ++k) {
      V weight = weight_[k] * by_mass, sigmoid = sigmoid_[k], complement = complement_[k];
      Parts part{weight_[k] * sigmoid * by_cdf, weight_[k] * complement * by_survival,
                 weight_[k] * sigmoid * complement * sharpness_[k] * by_density};
      if (some_far_) part = far_parts(k, part);
      V by_z = (a - b) * part.cdf * complement + (a + b) * part.survival * sigmoid +
               b * part.density * (complement - sigmoid);
      V by_mean = -by_z * sharpness_[k];
      Mask held = log_scale_[k] < T(kSmallestLogScale);
      logit_of_[k] = (a - b) * (part.cdf - weight) - (a + b) * (part.survival - weight) +
                     b * (part.density - weight);
      mean_[k] = by_mean;
      log_scale_[k] = lanes::where<V>(held, V{}, -by_z * z_[k] - b * part.density);
      by_x -= by_mean;
    }
    return by_x;
  }

  // Smallest and largest component quantile of the logit v: the mixture's own lies between. Returns
  // the components' mean, by their weights, which is exact where they are alike.
  [[gnu::always_inline]] V bracket(V v, V& low, V& high) const {
    V mean{};
    low = lanes::all<V>(std::numeric_limits<T>::infinity());
    high = -low;
    for (int64_t k = 0; k < count_; ++k) {
      V quantile = mean_[k] + v / sharpness_[k];
      mean += weight_[k] * quantile;
      low = lanes::smaller(quantile, low);
      high = lanes::larger(quantile, high);
    }
    return mean / mass_;
  }

  // Of the components, the largest 1 / scale.
  [[gnu::always_inline]] V sharpest() const { return sharpest_; }

 private:
  // A component's part of each sum: between 0 and 1, 1 over all components.
  struct Parts {
    V cdf, survival, density;
  };

  // Where a sum is smaller, its terms or its quotients might be denormal.
  static constexpr T kSmallestSum = sizeof(T) == sizeof(float) ? T(1e-30) : T(1e-290);

  [[gnu::always_inline]] V log_scale(int64_t k) const {
    return lanes::where<V>(log_scale_[k] < T(kSmallestLogScale), lanes::all<V>(kSmallestLogScale),
                           log_scale_[k]);
  }

  // Logarithms of a component's terms in the three sums, but for the powers of `major`, between 1/2
  // and 1, that they are multiplied by.
  struct FarTerm {
    V log_cdf, log_survival, log_density;
    V lower, upper;  // min(z, 0), min(-z, 0)
    V major;
  };

  [[gnu::always_inline]] FarTerm far_term(int64_t k) const {
    V log_weight = logit_of_[k] - top_, z = z_[k];
    V lower = lanes::where<V>(z < 0, z, V{}), upper = lanes::where<V>(z < 0, V{}, -z);
    return {log_weight + lower,
            log_weight + upper,
            log_weight + (lower + upper) - log_scale(k),
            lower,
            upper,
            lanes::larger(sigmoid_[k], complement_[k])};
  }

  // The logarithms of a component's two terms in the slope, f / F + f / S: log f - log F - log S
  // would cancel in the tails.
  [[gnu::always_inline]] V slope_by_cdf(const FarTerm& t, int64_t k) const {
    return (t.log_cdf - far_cdf_top_) + (t.upper - log_scale(k));
  }
  [[gnu::always_inline]] V slope_by_survival(const FarTerm& t, int64_t k) const {
    return (t.log_survival - far_survival_top_) + (t.lower - log_scale(k));
  }

  [[gnu::always_inline]] void evaluate_far() {
    const V lowest = lanes::all<V>(-std::numeric_limits<T>::infinity());
    far_cdf_top_ = far_survival_top_ = far_density_top_ = lowest;
    for (int64_t k = 0; k < count_; ++k) {
      FarTerm t = far_term(k);
      far_cdf_top_ = lanes::larger(t.log_cdf, far_cdf_top_);
      far_survival_top_ = lanes::larger(t.log_survival, far_survival_top_);
      far_density_top_ = lanes::larger(t.log_density, far_density_top_);
    }
    V slope_top = lowest;
    far_cdf_ = far_survival_ = far_density_ = V{};
    for (int64_t k = 0; k < count_; ++k) {
      FarTerm t = far_term(k);
      far_cdf_ += lanes::exp(t.log_cdf - far_cdf_top_) * t.major;
      far_survival_ += lanes::exp(t.log_survival - far_survival_top_) * t.major;
      far_density_ += lanes::exp(t.log_density - far_density_top_) * (t.major * t.major);
      slope_top = lanes::larger(slope_by_cdf(t, k), slope_top);
      slope_top = lanes::larger(slope_by_survival(t, k), slope_top);
    }
    V slope{};
    for (int64_t k = 0; k < count_; ++k) {
      FarTerm t = far_term(k);
      V by_cdf = lanes::exp(slope_by_cdf(t, k) - slope_top) / far_cdf_;
      V by_survival = lanes::exp(slope_by_survival(t, k) - slope_top) / far_survival_;
      slope += (by_cdf + by_survival) * (t.major * t.major);
    }
    V logit = (far_cdf_top_ - far_survival_top_) + lanes::log(far_cdf_ / far_survival_);
    logit_ = lanes::where<V>(far_, logit, logit_);
    slope_ = lanes::where<V>(far_, slope, slope_);
    slope_top_ = lanes::where<V>(far_, slope_top, slope_top_);
  }

  [[gnu::always_inline]] Parts far_parts(int64_t k, const Parts& near) const {
    FarTerm t = far_term(k);
    V cdf = lanes::exp(t.log_cdf - far_cdf_top_) * t.major / far_cdf_;
    V survival = lanes::exp(t.log_survival - far_survival_top_) * t.major / far_survival_;
    V density = lanes::exp(t.log_density - far_density_top_) * (t.major * t.major) / far_density_;
    return {lanes::where<V>(far_, cdf, near.cdf), lanes::where<V>(far_, survival, near.survival),
            lanes::where<V>(far_, density, near.density)};
  }

  int64_t count_;
  V *logit_of_, *mean_, *log_scale_, *weight_, *sharpness_;  // weights not normalised, 1 / scale
  V *z_, *sigmoid_, *complement_;                            // of the last point
  V top_, mass_, sharpest_;      // largest logit, sum of the weights, largest sharpness
  V cdf_, survival_, density_;   // each times the mass
  V logit_, slope_, slope_top_;  // log_slope = slope_top + log(slope)
  Mask far_;
  bool some_far_;
  V far_cdf_{}, far_survival_{}, far_density_{};
  V far_cdf_top_{}, far_survival_top_{}, far_density_top_{};
};

// The roots x of logit(x) = v by Newton's method kept inside a shrinking bracket: a step that
// leaves it, or is not below half of the one before the last, is a bisection. A lane ends when
// |logit(x) - v| is round-off of v, or the bracket cannot be divided. Returns each lane's number of
// evaluations.
//
// The step that ends a lane is not evaluated: with r the largest 1 / scale the logit L has |L''| <=
// 2 r L', as |f' / f|, f / F and f / S are at most r. So Newton's step of size h from a point that
// misses by m leaves at most r h m exp(2 r h), and where that is asked to be a quarter of round-off
// while m is more than round-off, r h is below 1/4.
template <class V>
[[gnu::always_inline]] inline lanes::MaskOf<V> solve_mixtures(MixtureLanes<V>& mixture, V v, V& x) {
  using T = lanes::NumberOf<V>;
  using Mask = lanes::MaskOf<V>;
  V low, high, start = mixture.bracket(v, low, high);
  const V tolerance =
      4 * std::numeric_limits<T>::epsilon() * lanes::larger(lanes::magnitude(v), lanes::all<V>(1));
  V step = high - low, step_before = step;
  Mask counts{}, active = ~Mask{};
  x = lanes::smaller(lanes::larger(start, low), high);
  for (;;) {
    mixture.evaluate(x);
    counts -= active;  // whose numbers are -1
    V miss = mixture.logit() - v;
    high = lanes::where<V>(active & (miss > 0), x, high);
    low = lanes::where<V>(active & ~(miss > 0), x, low);
    V middle = low + (high - low) / 2, newton = x - mixture.newton_step(miss);
    active &= ~(lanes::magnitude(miss) <= tolerance) & (low < middle) & (middle < high);
    Mask good = (newton > low) & (newton < high) & (lanes::magnitude(newton - x) < step_before / 2);
    V next = lanes::where<V>(good, newton, middle);
    step_before = step;
    step = lanes::magnitude(next - x);
    x = lanes::where<V>(active, next, x);
    active &= ~(good & (mixture.sharpest() * step * lanes::magnitude(miss) <= tolerance / 4));
    if (!lanes::any(active)) return counts;
  }
}

}  // namespace diffeo
