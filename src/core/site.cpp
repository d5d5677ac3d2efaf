#include "core/site.h"

#include <ATen/ATen.h>

#include "core/noise.h"

namespace diffeo {
namespace {

// Drawn in one precision on the host, so that a model starts alike wherever it is built.
Tensor drawn(const Site& site, const std::string& name, at::IntArrayRef sizes,
             Tensor (Noise::*draw)(const std::string&, const Tensor&)) {
  if (site.options.device().is_meta()) return at::empty(sizes, site.options);
  SeededNoise noise(site.seed);
  return (noise.*draw)(site.path + "." + name, at::empty(sizes, at::kFloat)).to(site.options);
}

}  // namespace

Site Site::inside(const std::string& name, const Shape& its_input) const {
  Site site = *this;
  site.path += "." + name;
  site.input = its_input;
  return site;
}

Tensor Site::constant(at::IntArrayRef sizes, double value) const { return at::full(sizes, value, options); }

Tensor Site::normal(const std::string& name, at::IntArrayRef sizes, double deviation) const {
  return drawn(*this, name, sizes, &Noise::normal) * deviation;
}

Tensor Site::uniform(const std::string& name, at::IntArrayRef sizes, double bound) const {
  return (2 * drawn(*this, name, sizes, &Noise::uniform) - 1) * bound;
}

Tensor Site::rotation(const std::string& name, int64_t size) const {
  Tensor square = normal(name, {size, size}, 1);
  return square.is_meta() ? square : std::get<0>(at::linalg_qr(square)).contiguous();
}

Tensor Site::permutation(const std::string& name, int64_t size) const {
  Tensor keys = drawn(*this, name, {size}, &Noise::uniform);
  return keys.is_meta() ? keys.to(at::kLong) : keys.argsort();
}

}  // namespace diffeo
