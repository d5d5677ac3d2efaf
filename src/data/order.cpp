#include "data/order.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/noise.h"
#include "data/host.h"

namespace diffeo {

Tensor random_order(int64_t count, uint64_t seed, const std::string& stream, int64_t number) {
  SeededNoise noise(seed_of(seed, stream), number);
  Tensor draws = noise.uniform("order", at::empty({1, count, 2}, host_options(at::kDouble)))[0];
  // One draw has 24 bits, of which two of some thousand would be equal; two have 48.
  Tensor keys = draws.select(1, 0) + std::ldexp(1, -24) * draws.select(1, 1);
  return keys.argsort(/*stable=*/true, 0, /*descending=*/false);
}

}  // namespace diffeo
