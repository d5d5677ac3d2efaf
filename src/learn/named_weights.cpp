#include "learn/named_weights.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace diffeo {
namespace {

// What does not fit, a line each, up to a limit.
class Misfits {
 public:
  template <class... Parts>
  void add(const Parts&... parts) {
    if (++count_ <= kShown) text_ += joined("\n  ", parts...);
  }
  void throw_if_any(const std::string& place) const {
    if (count_ == 0) return;
    std::string more = count_ > kShown ? joined("\n  and ", count_ - kShown, " more") : "";
    fail(Exit::kCheckpoint, place, ": does not fit this configuration's model:", text_, more);
  }

 private:
  static constexpr size_t kShown = 10;
  size_t count_ = 0;
  std::string text_;
};

// Floating point is stored in single precision, whatever a model computes in.
at::ScalarType stored_type(const Tensor& target) {
  return target.is_floating_point() ? at::kFloat : target.scalar_type();
}

void compare(const std::string& name, const Tensor& source, const Tensor& target,
             Misfits& misfits) {
  if (source.sizes() != target.sizes()) {
    misfits.add(name, ": has shape ", source.sizes(), ", expected ", target.sizes());
  } else if (source.scalar_type() != stored_type(target) &&
             source.scalar_type() != target.scalar_type()) {
    misfits.add(name, ": is of type ", source.scalar_type(), ", expected ", stored_type(target));
  }
}

}  // namespace

std::string fault_in(const Tensor& tensor) {
  if (!tensor.is_floating_point()) return {};
  int64_t bad = tensor.numel() - at::isfinite(tensor).sum().item<int64_t>();
  return bad == 0 ? "" : joined(bad, " of ", tensor.numel(), " numbers are not finite");
}

void require_finite(const NamedTensors& tensors, const std::string& place) {
  for (const auto& [name, tensor] : tensors) {
    std::string fault = fault_in(tensor);
    if (!fault.empty()) fail(Exit::kCheckpoint, place, ": ", name, ": ", fault);
  }
}

void assign_tensors(const NamedTensors& source, const NamedTensors& targets,
                    const std::string& place) {
  Misfits misfits;
  for (const auto& [name, target] : targets) {
    auto found = source.find(name);
    if (found == source.end()) {
      misfits.add(name, ": missing");
    } else {
      compare(name, found->second, target, misfits);
    }
  }
  for (const auto& [name, tensor] : source) {
    if (!targets.contains(name)) misfits.add(name, ": has no place in the model");
  }
  misfits.throw_if_any(place);
  require_finite(source, place);
  at::NoGradGuard no_grad;
  for (const auto& [name, target] : targets) target.copy_(source.at(name));
}

NamedTensors named_tensors(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& named : module.named_parameters()) tensors[named.key()] = named.value().detach();
  for (const auto& named : module.named_buffers()) tensors[named.key()] = named.value();
  return tensors;
}

}  // namespace diffeo
