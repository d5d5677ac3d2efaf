#include "core/pass.h"

namespace diffeo {
namespace {

// A copy of `pass` with one member changed.
template <class T>
Pass changed(const Pass& pass, T Pass::* member, T value) {
  Pass copy = pass;
  copy.*member = std::move(value);
  return copy;
}

}  // namespace

Pass Pass::with_mode(Mode other) const { return changed(*this, &Pass::mode, other); }

Pass Pass::with_labels(const at::Tensor& other) const {
  return changed(*this, &Pass::labels, other);
}

Pass Pass::with_features(const at::Tensor& other) const {
  return changed(*this, &Pass::features, other);
}

Pass Pass::with_noise(Noise& other) const { return changed(*this, &Pass::noise, &other); }

Pass Pass::with_observer(Observer other) const {
  return changed(*this, &Pass::observer, std::move(other));
}

Pass Pass::with_bins_centred() const { return changed(*this, &Pass::centred, true); }

}  // namespace diffeo
