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

// Norm of a flat gradient [N], one number in double precision. Not finite where an element is not,
// or where the squares of 4096 neighbours leave single precision: with elements beyond 1e17 a
// training is lost anyhow.
Tensor global_norm(const Tensor& gradient);

// g <- g clip_norm / max(clip_norm, norm), in place.
void clip_to_norm(const Tensor& gradient, const Tensor& norm, double clip_norm);

// Remembers on the device the first step whose loss or gradient was not finite, and lets no update
// through from there on: weights and state stay as they were before it.
class FiniteGuard {
 public:
  explicit FiniteGuard(const Tensor& weights);

  // The number that Optimizer::update() takes as `go`. A gradient that is not let through becomes
  // zero, in place.
  Tensor admit(int64_t step, const Tensor& loss, const Tensor& norm, const Tensor& gradient);

  // The step, if there was one. Waits for the device.
  std::optional<int64_t> first_bad() const;

 private:
  Tensor first_bad_;  // one int64, -1: none
};

}  // namespace diffeo
