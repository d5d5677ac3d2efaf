#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace diffeo {

// A mixture of logistics at one point, on the host: log CDF, log survival and log density, each by
// a log-sum-exp of its own so that neither tail is ever one minus something rounded. Weights
// softmax(logits); log-scales are held at -7 from below (Ho et al. 2019; flowpp, logistic.py).
// Parameters stand `stride` numbers apart.

constexpr double kSmallestLogScale = -7;

// What a mixture is at x, and each component's part in it: the softmax weights of the three sums.
template <class T>
class MixtureElement {
 public:
  explicit MixtureElement(int64_t components) : clamped_(components) {
    for (auto* terms : {&logit_, &mean_, &log_scale_, &z_, &log_sigmoid_, &log_complement_, &cdf_,
                        &survival_, &density_, &slope_}) {
      terms->resize(components);
    }
  }

  // `raw` points at the first component's logit; then come the means and the log-scales.
  void read(const T* raw, int64_t stride) {
    const int64_t count = size();
    T top = -std::numeric_limits<T>::infinity();
    for (int64_t k = 0; k < count; ++k) {
      logit_[k] = raw[k * stride];
      mean_[k] = raw[(count + k) * stride];
      T log_scale = raw[(2 * count + k) * stride];
      clamped_[k] = log_scale < T(kSmallestLogScale);
      log_scale_[k] = std::max(log_scale, T(kSmallestLogScale));
      top = std::max(top, logit_[k]);
    }
    T sum = 0;
    for (T logit : logit_) sum += std::exp(logit - top);
    T log_sum = top + std::log(sum);
    for (T& logit : logit_) logit -= log_sum;
  }

  void evaluate(T x) {
    for (int64_t k = 0; k < size(); ++k) {
      T z = (x - mean_[k]) * std::exp(-log_scale_[k]), tail = std::log1p(std::exp(-std::abs(z)));
      T log_sigmoid = std::min(z, T(0)) - tail, log_complement = std::min(-z, T(0)) - tail;
      z_[k] = z;
      log_sigmoid_[k] = log_sigmoid;
      log_complement_[k] = log_complement;
      cdf_[k] = logit_[k] + log_sigmoid;
      survival_[k] = logit_[k] + log_complement;
      density_[k] = cdf_[k] + log_complement - log_scale_[k];
    }
    log_cdf_ = log_sum_exp(cdf_);
    log_survival_ = log_sum_exp(survival_);
    log_density_ = log_sum_exp(density_);
    log_slope_ = logarithm_of_slope();
  }

  T logit() const { return log_cdf_ - log_survival_; }
  T log_slope() const { return log_slope_; }  // of the logit

  // Derivatives of a * logit + b * log_slope with respect to the parameters, written where read()
  // found them; returns that with respect to x.
  T gradient(T a, T b, T* out, int64_t stride) const {
    const int64_t count = size();
    T by_x = 0;
    for (int64_t k = 0; k < count; ++k) {
      T sigmoid = 1 / (1 + std::exp(-z_[k])), weight = std::exp(logit_[k]);
      T in_cdf = std::exp(cdf_[k] - log_cdf_), in_survival = std::exp(survival_[k] - log_survival_);
      T in_density = std::exp(density_[k] - log_density_), complement = 1 / (1 + std::exp(z_[k]));
      T by_z = (a - b) * in_cdf * complement + (a + b) * in_survival * sigmoid +
               b * in_density * (complement - sigmoid);
      T by_mean = -by_z * std::exp(-log_scale_[k]);
      out[k * stride] = (a - b) * (in_cdf - weight) - (a + b) * (in_survival - weight) +
                        b * (in_density - weight);
      out[(count + k) * stride] = by_mean;
      out[(2 * count + k) * stride] = clamped_[k] ? T(0) : -by_z * z_[k] - b * in_density;
      by_x -= by_mean;
    }
    return by_x;
  }

  // Smallest and largest component quantile of the logit v: the mixture's own lies between.
  void bracket(T v, T& low, T& high) const {
    low = std::numeric_limits<T>::infinity();
    high = -low;
    for (int64_t k = 0; k < size(); ++k) {
      T quantile = mean_[k] + std::exp(log_scale_[k]) * v;
      low = std::min(low, quantile);
      high = std::max(high, quantile);
    }
  }

 private:
  int64_t size() const { return static_cast<int64_t>(logit_.size()); }

  // Of the logit: log(f / F + f / S), a sum of positive terms, where log f - log F - log S would
  // cancel in the tails.
  T logarithm_of_slope() {
    for (int64_t k = 0; k < size(); ++k) {
      T by_cdf = (cdf_[k] - log_cdf_) + (log_complement_[k] - log_scale_[k]);
      T by_survival = (survival_[k] - log_survival_) + (log_sigmoid_[k] - log_scale_[k]);
      T top = std::max(by_cdf, by_survival);
      slope_[k] = top + std::log1p(std::exp(std::min(by_cdf, by_survival) - top));
    }
    return log_sum_exp(slope_);
  }

  static T log_sum_exp(const std::vector<T>& terms) {
    T top = *std::max_element(terms.begin(), terms.end()), sum = 0;
    for (T term : terms) sum += std::exp(term - top);
    return top + std::log(sum);
  }

  std::vector<T> logit_, mean_, log_scale_;  // logits normalised to log weights
  std::vector<uint8_t> clamped_;
  std::vector<T> z_, log_sigmoid_, log_complement_, cdf_, survival_, density_,
      slope_;  // of the last point
  T log_cdf_ = 0, log_survival_ = 0, log_density_ = 0, log_slope_ = 0;
};

// The root x of logit(x) = v by Newton's method kept inside a shrinking bracket: a step that leaves
// it, or that has not halved it in two, is a bisection. Ends when |logit(x) - v| is round-off of v,
// or the bracket cannot be divided. Returns the number of evaluations.
template <class T>
int64_t solve_mixture(MixtureElement<T>& mixture, T v, T& x) {
  T low, high;
  mixture.bracket(v, low, high);
  const T tolerance = 4 * std::numeric_limits<T>::epsilon() * std::max(T(1), std::abs(v));
  x = low + (high - low) / 2;
  T width_before = std::numeric_limits<T>::infinity();
  for (int64_t count = 1;; ++count) {
    mixture.evaluate(x);
    T miss = mixture.logit() - v;
    (miss > 0 ? high : low) = x;
    T middle = low + (high - low) / 2;
    if (std::abs(miss) <= tolerance || !(low < middle && middle < high)) return count;
    T newton = x - miss * std::exp(-mixture.log_slope());
    bool slow = count % 2 == 0 && high - low > width_before / 2;
    if (count % 2 == 0) width_before = high - low;
    x = newton > low && newton < high && !slow ? newton : middle;
  }
}

}  // namespace diffeo
