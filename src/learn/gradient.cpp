#include "learn/gradient.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"

namespace diffeo {
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
  constexpr int64_t kRow = 4096;
  int64_t whole = gradient.numel() / kRow * kRow;
  Tensor rows =
      at::linalg_vector_norm(gradient.narrow(0, 0, whole).view({-1, kRow}), 2, at::IntArrayRef{1});
  Tensor rest = gradient.narrow(0, whole, gradient.numel() - whole);
  return at::linalg_vector_norm(at::cat({rows, rest}), 2, at::OptionalIntArrayRef(), false,
                                at::kDouble);
}

void clip_to_norm(const Tensor& gradient, const Tensor& norm, double clip_norm) {
  gradient.mul_((clip_norm / norm.clamp_min(clip_norm)).to(gradient.scalar_type()));
}

FiniteGuard::FiniteGuard(const Tensor& weights)
    : first_bad_(at::full({}, -1, weights.options().dtype(at::kLong))) {}

Tensor FiniteGuard::admit(int64_t step, const Tensor& loss, const Tensor& norm,
                          const Tensor& gradient) {
  Tensor bad_now = at::isfinite(loss).logical_and_(at::isfinite(norm)).logical_not_();
  first_bad_.masked_fill_(bad_now.logical_and(first_bad_ < 0), step);
  Tensor stopped = first_bad_ >= 0;
  gradient.masked_fill_(stopped, 0);
  return stopped.logical_not().to(gradient.scalar_type());
}

std::optional<int64_t> FiniteGuard::first_bad() const {
  int64_t step = first_bad_.item<int64_t>();
  return step < 0 ? std::nullopt : std::optional(step);
}

}  // namespace diffeo
