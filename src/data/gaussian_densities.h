#pragma once

#include <vector>

#include "data/density.h"

namespace diffeo {

// x2 ~ N(0, deviation^2); x1 | x2 ~ N(x2^2 / 4, 1); the example is (x1, x2). (Jang's tutorial, part
// 1: a banana. 4 is the standard deviation, so the variance is 16 and the entropy log(2 pi e) + log
// 4.)
class Tutorial final : public Density {
 public:
  explicit Tutorial(double deviation = 4) : deviation_(deviation) {}
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  double deviation_;
};

// x = mean + z A, z ~ N(0, I) a row vector: mean m, covariance A^T A. (The tutorial's first data
// set.)
class CorrelatedGaussian final : public Density {
 public:
  // `a`: A row by row.
  explicit CorrelatedGaussian(std::vector<double> mean = {0.4, 1},
                              std::vector<double> a = {2, 0.3, -1, 4});
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  Tensor mean_;  // [2]
  Tensor a_;     // [2, 2]
};

// x1 ~ N(0, deviation^2); x2 | x1 ~ N(0, exp(x1)). (After Neal 2003, Slice sampling, section 8, in
// two dimensions.)
class Funnel final : public Density {
 public:
  explicit Funnel(double deviation = 1.5) : deviation_(deviation) {}
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  double deviation_;
};

// Equal-weight Gaussians N(c_k, deviation^2 I) with centres c_k = radius (cos 2 pi k/count, sin 2
// pi k/count).
class GaussianCircle final : public Density {
 public:
  explicit GaussianCircle(int64_t count = 8, double radius = 4, double deviation = 0.5);
  double entropy() const override;

 private:
  Tensor do_sample(Noise& noise, const Tensor& like) const override;
  Tensor do_log_prob(const Tensor& x) const override;

  Tensor centres_;  // [count, 2]
  double radius_, deviation_;
};

}  // namespace diffeo
