#include "pictures/complexity.h"

#include <ATen/ATen.h>

#include <numbers>

#include "io/png.h"

namespace diffeo {

bool has_png(const Tensor& images) {
  return images.scalar_type() == at::kByte && images.dim() == 4 &&
         (images.size(1) == 1 || images.size(1) == 3);
}

Tensor png_nats(const Tensor& images) {
  Tensor nats = at::empty({images.size(0)}, images.options().dtype(at::kDouble));
  for (int64_t i = 0; i < images.size(0); ++i)
    nats[i] = static_cast<double>(png_bytes(images[i]).size()) * 8 * std::numbers::ln2;
  return nats;
}

}  // namespace diffeo
