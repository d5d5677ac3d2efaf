#pragma once

#include <vector>

#include "data/density.h"

namespace diffeo {

// Points on curves plus N(0, deviation^2 I).

// t uniform on [0, pi]; with probability 1/2 (cos t, sin t), else (1 - cos t, 1/2 - sin t).
class TwoMoons final : public Density {
 public:
  explicit TwoMoons(double deviation = 0.1);
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  double deviation_;
  Tensor nodes_, log_weights_;  // [M, 2], [M]: the curves for quadrature
};

// u uniform on [0, 1], n = turn sqrt(u); with equal probability plus or minus (-n cos n, n sin n) /
// shrink. The usual sampler's uniform jitter is left out.
class TwoSpirals final : public Density {
 public:
  explicit TwoSpirals(double turn = 3 * 3.14159265358979323846, double shrink = 3,
                      double deviation = 0.1);
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  double turn_, shrink_, deviation_;
  Tensor nodes_, log_weights_;  // [M, 2], [M]: the curves for quadrature
};

// Equal-weight circles about the origin, the angle uniform:
// p(x) = mean_k exp(-(r^2 + R_k^2) / (2 s^2)) I0(r R_k / s^2) / (2 pi s^2), r = |x|.
class Rings final : public Density {
 public:
  explicit Rings(std::vector<double> radii = {0.75, 1.5, 2.25, 3}, double deviation = 0.1);
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  Tensor radii_;  // [K]
  double deviation_;
};

}  // namespace diffeo
