#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/shape.h"

namespace diffeo {

class Input;

// Bytes of a tensor of this shape whose elements take `item` bytes. Nothing where that is no int64,
// and a dimension of zero hides no overflow: a shape that passes can be given to LibTorch.
std::optional<int64_t> bytes_of(const Shape& shape, int64_t item);

// A tensor on the CPU, its values not set.
Tensor host_tensor(const Shape& shape, at::ScalarType type);

// The next bytes of `in`, which the reader calls `part`, as they lie in memory. Booleans are 0 or
// 1, anything else is an error. The caller has compared the size with what remains.
Tensor read_elements(Input& in, const Shape& shape, at::ScalarType type, std::string_view part);

}  // namespace diffeo
