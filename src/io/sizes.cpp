#include "io/sizes.h"

#include <algorithm>

namespace diffeo {

std::optional<int64_t> bytes_of(const Shape& shape, int64_t item) {
  int64_t bound = item;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bound, std::max<int64_t>(size, 1), &bound)) return std::nullopt;
    empty = empty || size == 0;
  }
  return empty ? 0 : bound;
}

}  // namespace diffeo
