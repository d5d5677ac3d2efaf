#pragma once

#include <cstdint>
#include <optional>

#include "core/shape.h"

namespace diffeo {

// Bytes of a tensor of this shape whose elements take `item` bytes. Nothing where that is no int64, and a dimension of
// zero hides no overflow: a shape that passes can be given to LibTorch.
std::optional<int64_t> bytes_of(const Shape& shape, int64_t item);

}  // namespace diffeo
