#include "learn/flat_moments.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

void add(std::vector<Tensor>& parts, const Moments& moments) {
  parts.push_back(moments.mean.flatten());
  parts.push_back(moments.variance.flatten());
}

}  // namespace

FlatMoments::FlatMoments(const torch::nn::Module& module, const at::TensorOptions& options) {
  int64_t end = 0;
  std::vector<Tensor> running;
  for (const auto& named : module.named_modules({}, /*include_self=*/false)) {
    auto norm = std::dynamic_pointer_cast<RunningMoments>(named.value());
    if (!norm) continue;
    norms_.push_back(norm);
    add(running, norm->running());
    for (const auto& buffer : norm->named_buffers()) {
      ranges_.push_back({named.key() + "." + buffer.key(), end, buffer.value().sizes().vec()});
      end += buffer.value().numel();
    }
  }
  values_ = are_there() ? at::cat(running) : at::zeros({0}, options.requires_grad(false));
  show(values_);
}

void FlatMoments::forget() {
  for (const auto& norm : norms_) norm->forget();
}

Tensor FlatMoments::pending() const {
  if (!are_there()) return values_;
  std::vector<Tensor> parts;
  for (const auto& norm : norms_) add(parts, norm->pending());
  return at::cat(parts);
}

void FlatMoments::follow(const Tensor& pending, const Tensor& admitted) {
  forget();
  if (!are_there()) return;
  // Moments that are not finite would spoil the sum even with the weight 0.
  values_.lerp_(at::where(admitted > 0, pending, values_), kFollowRate);
}

void FlatMoments::show(const Tensor& flat) {
  for (size_t i = 0; i < norms_.size(); ++i) {
    auto [mean, variance] = norms_[i]->running();
    mean.set_data(ranges_[2 * i].of(flat));
    variance.set_data(ranges_[2 * i + 1].of(flat));
  }
}

}  // namespace diffeo
