#include "learn/flat_parameters.h"

#include <ATen/ATen.h>

#include <set>

#include "core/error.h"

namespace diffeo {
namespace {

// Kernels treat the first elements of a row by its alignment, so equal alignment keeps rounding the
// same.
constexpr int64_t kAlignment = 64;

int64_t aligned(int64_t offset, int64_t item) {
  int64_t step = kAlignment / item;
  return (offset + step - 1) / step * step;
}

}  // namespace

Tensor ParameterRange::of(const Tensor& flat) const {
  return flat.narrow(0, offset, size()).view(shape);
}

FlatParameters::FlatParameters(torch::nn::Module& module) {
  std::set<const void*> seen;
  int64_t end = 0;
  for (const auto& named : module.named_parameters()) {
    const Tensor& parameter = named.value();
    require(seen.insert(parameter.unsafeGetTensorImpl()).second, named.key(),
            ": a parameter of two modules");
    require(parameters_.empty() || parameter.options().type_equal(parameters_[0].options()),
            named.key(), " is ", parameter.toString(), ", but the parameters before it are ",
            parameters_.empty() ? "" : parameters_[0].toString());
    ranges_.push_back(
        {named.key(), aligned(end, parameter.element_size()), parameter.sizes().vec()});
    parameters_.push_back(parameter);
    end = ranges_.back().offset + ranges_.back().size();
  }
  at::TensorOptions options =
      parameters_.empty() ? at::TensorOptions() : parameters_[0].options().requires_grad(false);
  values_ = at::zeros({end}, options);
  gradients_ = at::zeros({end}, options);
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < ranges_.size(); ++i) {
    ranges_[i].of(values_).copy_(parameters_[i]);
    parameters_[i].mutable_grad() = ranges_[i].of(gradients_);
  }
  show(values_);
}

int64_t FlatParameters::count() const {
  int64_t count = 0;
  for (const ParameterRange& range : ranges_) count += range.size();
  return count;
}

void FlatParameters::show(const Tensor& flat) {
  for (size_t i = 0; i < ranges_.size(); ++i) parameters_[i].set_data(ranges_[i].of(flat));
}

}  // namespace diffeo
