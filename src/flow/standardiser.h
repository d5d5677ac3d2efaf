#pragma once

#include "core/shape.h"
#include "core/site.h"
#include "nets/start_flag.h"
#include "transforms/transform.h"

namespace diffeo {

// Between vectors in their own units, float64, and what the layers of a flow read: each number of
// mean 0 and deviation 1 over the training set, in the flow's precision,
//
//   z = (x - mean) / deviation,   log_det = -sum log deviation,
//
// so that likelihoods stay in the units of the data. Both directions are computed in double
// precision, which holds what single precision would round away beside a large mean. A constant
// column has deviation 1.
class Standardiser final : public torch::nn::Module {
 public:
  explicit Standardiser(const Site& site);  // site.input: [D]

  void set(const Tensor& examples);  // moments of [N, D]; throws Exit::kData where none are finite
  bool is_set() const { return start_.is_set(); }

  Mapped forward(const Tensor& x);  // [B, D] of any precision -> the flow's
  Tensor inverse(const Tensor& z);  // -> float64

 private:
  Tensor mean() const { return mean_.to(at::kDouble).sum(0); }

  at::ScalarType precision_;
  // Two numbers that add up to the mean, [2, D], for weights are stored in single precision.
  Tensor mean_;
  Tensor deviation_;  // [D]
  StartFlag start_;
};

}  // namespace diffeo
