#include "learn/interval.h"

#include <ATen/ATen.h>

namespace diffeo {

// The sum goes on from the saved one, so that it is rounded as if nothing had come between.
void Interval::add(const std::string& name, const Tensor& value) {
  Tensor& sum = sums_[name];
  if (!sum.defined()) {
    auto saved = start_.find(name);
    sum =
        at::full({}, saved == start_.end() ? 0 : saved->second, value.options().dtype(at::kDouble));
  }
  sum.add_(value);
}

void Interval::add(const StepReport& report) {
  ++steps_;
  add("nats", report.nats);
  add("gradient_norm", report.gradient_norm);
  for (const auto& [name, term] : report.auxiliary) add("auxiliary." + name, term);
}

Interval::Sums Interval::sums() const {
  Sums sums = start_;
  if (!empty()) sums["steps"] += static_cast<double>(steps_);
  for (const auto& [name, tensor] : sums_) sums[name] = tensor.item<double>();
  return sums;
}

}  // namespace diffeo
