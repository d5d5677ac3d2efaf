#include "core/site.h"

#include <ATen/ATen.h>

#include "core/noise.h"

namespace diffeo {
namespace {

// In single precision on the host, so that a model starts alike wherever it is built.
Tensor host_draw(const Site& site, const std::string& name, at::IntArrayRef sizes,
                 Tensor (Noise::*draw)(const std::string&, const Tensor&)) {
  SeededNoise noise(site.seed);
  return (noise.*draw)(site.path + "." + name, at::empty(sizes, at::kFloat));
}

Tensor drawn(const Site& site, const std::string& name, at::IntArrayRef sizes,
             Tensor (Noise::*draw)(const std::string&, const Tensor&)) {
  if (site.options.device().is_meta()) return at::empty(sizes, site.options);
  return host_draw(site, name, sizes, draw).to(site.options);
}

}  // namespace

Site Site::inside(const std::string& name, const Shape& its_input) const {
  Site site = *this;
  site.path += "." + name;
  site.input = its_input;
  return site;
}

Tensor Site::constant(at::IntArrayRef sizes, double value) const {
  return at::full(sizes, value, options);
}

Tensor Site::normal(const std::string& name, at::IntArrayRef sizes, double deviation) const {
  return drawn(*this, name, sizes, &Noise::normal) * deviation;
}

Tensor Site::uniform(const std::string& name, at::IntArrayRef sizes, double bound) const {
  return (2 * drawn(*this, name, sizes, &Noise::uniform) - 1) * bound;
}

Tensor Site::rotation(const std::string& name, int64_t size) const {
  if (options.device().is_meta()) return at::empty({size, size}, options);
  Tensor square = host_draw(*this, name, {size, size}, &Noise::normal).to(at::kDouble);
  return std::get<0>(at::linalg_qr(square)).contiguous().to(options);
}

Tensor Site::permutation(const std::string& name, int64_t size) const {
  if (options.device().is_meta()) return at::empty({size}, options.dtype(at::kLong));
  return host_draw(*this, name, {size}, &Noise::uniform)
      .argsort(/*stable=*/true)
      .to(options.dtype(at::kLong));
}

}  // namespace diffeo
