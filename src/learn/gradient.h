#pragma once

#include <optional>

#include "config/objective_config.h"
#include "learn/flat_parameters.h"

namespace diffeo {

// The L2 term beside the likelihood: l2 times the sum of squares of the parameters it chooses.
class Penalty {
 public:
  // Throws as PenaltyConfig::require_names().
  Penalty(const PenaltyConfig& config, const FlatParameters& flat);

  bool is_there() const { return !slices_.empty(); }
  Tensor value(const Tensor& weights) const;                                // one number
  void add_gradient(const Tensor& gradients, const Tensor& weights) const;  // 2 l2 w, in place

 private:
  struct Slice {
    int64_t offset, size;
  };
  double l2_;
  std::vector<Slice> slices_;
};

// The largest finite number of a tensor's precision, single or double.
double largest_number(const Tensor& like);

// Norm of a flat gradient [N], one number in double precision. Not finite where an element is not,
// and infinite where the squares of 4096 neighbours leave the gradient's precision. That takes a
// norm beyond the root of the largest number, which Optimizer::keeps_finite() refuses anyhow.
Tensor global_norm(const Tensor& gradient);

// g <- g clip_norm / max(clip_norm, |g|), in place. Returns |g|, as global_norm() but right for any
// finite gradient. Where an element is not finite, neither is the norm, and g is lost.
Tensor clip_to_norm(const Tensor& gradient, double clip_norm);

// Remembers on the device the first step that was refused and lets no update through from there on:
// whatever a step changes stays as it was before it.
class FiniteGuard {
 public:
  explicit FiniteGuard(const Tensor& weights);

  // `is_good`: one bool, whether all that the step would leave is finite. Returns one number of the
  // weights' type, 1 where the step is admitted, else 0. The gradient of a step that is not becomes
  // zero, in place.
  Tensor decide(int64_t step, const Tensor& is_good, const Tensor& gradient);

  // The step, if there was one. Waits for the device.
  std::optional<int64_t> first_bad() const;

 private:
  Tensor first_bad_;  // one int64, -1: none
};

}  // namespace diffeo
