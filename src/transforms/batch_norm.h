#pragma once

#include "core/range.h"
#include "nets/running_moments.h"
#include "transforms/transform.h"

namespace diffeo {

struct BatchNormConfig {
  using Builds = class BatchNorm;
  static constexpr const char* kType = "batch_norm";
  static constexpr const char* kDoc =
      "Batch norm as a layer of its own, with learned scale and shift (MAF's).";
  double epsilon = 1e-5;

  template <class Archive>
  void fields(Archive& ar) {
    ar("epsilon", epsilon, "added to the variance", at_least(0));
  }
};

// y = exp(log_gamma) (x - mean) / sqrt(variance + epsilon) + beta for each channel (Papamakarios et
// al. 2017, section 3.5; gpapamak/maf). Mode train divides by the batch's moments, evaluation and
// inverse by the running ones.
class BatchNorm final : public Transform {
 public:
  BatchNorm(const BatchNormConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Mapped do_inverse_with_log_det(const Tensor& z, const Pass& pass) override;
  Tensor log_scale(const Tensor& variance) const {
    return log_gamma_ - 0.5 * (variance + epsilon_).log();
  }

  double epsilon_;
  std::shared_ptr<RunningMoments> moments_;
  Tensor log_gamma_, beta_;  // [C, 1, ...]
};

}  // namespace diffeo
