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

// A type and a shape without values, on the meta device.
Tensor outlined(const Shape& shape, at::ScalarType type);

// The next bytes of `in`, which the reader calls `part`, as they lie in memory. Booleans are 0 or
// 1, anything else is an error. The caller has compared the size with what remains.
Tensor read_elements(Input& in, const Shape& shape, at::ScalarType type, std::string_view part);

// The rows [N, ...] of an array that is written part by part: whether each part is one of it, and
// how many are still to come. A part that is none of it is a mistake of the program.
class RowsLeft {
 public:
  explicit RowsLeft(const Tensor& outline);  // of the whole array; may be on the meta device

  // The next rows [n, ...] as they lie in a file: on the host, without gaps.
  Tensor take(const Tensor& rows, std::string_view part);
  void finish(std::string_view part) const;  // throws unless all rows have been taken

 private:
  at::ScalarType type_;
  Shape row_;
  int64_t left_;
};

}  // namespace diffeo
