#include "learn/gradient.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace diffeo {
namespace {

constexpr int64_t kRow = 4096;

}  // namespace

double largest_number(const Tensor& like) {
  return like.scalar_type() == at::kDouble ? std::numeric_limits<double>::max()
                                           : std::numeric_limits<float>::max();
}

Penalty::Penalty(const PenaltyConfig& config, const FlatParameters& flat) : l2_(config.l2) {
  std::vector<std::string> names;
  for (const ParameterRange& range : flat.ranges()) names.push_back(range.name);
  config.require_names(names);
  if (l2_ == 0) return;
  bool joins = false;  // neighbours become one slice; the gap between them is zero
  for (const ParameterRange& range : flat.ranges()) {
    bool taken = config.chooses(range.name);
    if (taken && !joins) slices_.push_back({range.offset, 0});
    if (taken) slices_.back().size = range.offset + range.size() - slices_.back().offset;
    joins = taken;
  }
}

Tensor Penalty::value(const Tensor& weights) const {
  Tensor total = at::zeros({}, weights.options().dtype(at::kDouble));
  for (const Slice& slice : slices_)
    total += weights.narrow(0, slice.offset, slice.size).square().sum(at::kDouble);
  return total * l2_;
}

void Penalty::add_gradient(const Tensor& gradients, const Tensor& weights) const {
  for (const Slice& slice : slices_) {
    gradients.narrow(0, slice.offset, slice.size)
        .add_(weights.narrow(0, slice.offset, slice.size), 2 * l2_);
  }
}

Tensor global_norm(const Tensor& gradient) {
  // One sum in single precision is off by a part in a thousand at 20 million numbers; one in double
  // takes ten times as long. So: single precision within short rows, double over them.
  int64_t whole = gradient.numel() / kRow * kRow;
  Tensor rows =
      at::linalg_vector_norm(gradient.narrow(0, 0, whole).view({-1, kRow}), 2, at::IntArrayRef{1});
  Tensor rest = gradient.narrow(0, whole, gradient.numel() - whole);
  return at::linalg_vector_norm(at::cat({rows, rest}), 2, at::OptionalIntArrayRef(), false,
                                at::kDouble);
}

Tensor clip_to_norm(const Tensor& gradient, double clip_norm) {
  if (gradient.numel() == 0) return global_norm(gradient);
  // Elements whose squares could overflow in the sum of a row are made smaller first, all by one
  // factor. It is exactly 1 otherwise, so that clipping does not change how gradients are rounded.
  double largest_safe = std::sqrt(largest_number(gradient)) / kRow;
  auto [low, high] = at::aminmax(gradient);
  Tensor scale = (largest_safe / at::maximum(high, low.neg())).clamp_max_(1);
  gradient.mul_(scale);
  Tensor norm = global_norm(gradient).div_(scale);
  Tensor factor = clip_norm / norm.clamp_min(clip_norm).mul_(scale);
  gradient.mul_(factor.to(gradient.scalar_type()));
  return norm;
}

FiniteGuard::FiniteGuard(const Tensor& weights)
    : first_bad_(at::full({}, -1, weights.options().dtype(at::kLong))) {}

Tensor FiniteGuard::decide(int64_t step, const Tensor& is_good, const Tensor& gradient) {
  first_bad_.masked_fill_((first_bad_ < 0).logical_and_(is_good.logical_not()), step);
  Tensor stopped = first_bad_ >= 0;
  // What is multiplied by 0 must be finite for the product to be 0.
  gradient.masked_fill_(stopped, 0);
  return stopped.logical_not().to(gradient.scalar_type());
}

std::optional<int64_t> FiniteGuard::first_bad() const {
  int64_t step = first_bad_.item<int64_t>();
  return step < 0 ? std::nullopt : std::optional(step);
}

}  // namespace diffeo
