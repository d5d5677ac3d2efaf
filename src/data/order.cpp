#include "data/order.h"

#include <ATen/ATen.h>

#include "core/noise.h"
#include "data/host.h"

namespace diffeo {

Tensor random_order(int64_t count, uint64_t seed, const std::string& stream, int64_t number) {
  SeededNoise noise(seed_of(seed, stream, number));
  Tensor keys = noise.uniform("order", at::empty({count}, host_options(at::kDouble)));
  return keys.argsort(/*stable=*/true, 0, /*descending=*/false);
}

}  // namespace diffeo
