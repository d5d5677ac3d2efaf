#include "io/elements.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "io/files.h"

namespace diffeo {

std::optional<int64_t> bytes_of(const Shape& shape, int64_t item) {
  int64_t bound = item;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bound, std::max<int64_t>(size, 1), &bound))
      return std::nullopt;
    empty = empty || size == 0;
  }
  return empty ? 0 : bound;
}

Tensor host_tensor(const Shape& shape, at::ScalarType type) {
  at::TensorOptions options(type);
  return at::empty(shape, options);
}

Tensor outlined(const Shape& shape, at::ScalarType type) {
  return at::empty(shape, at::TensorOptions(type).device(at::kMeta));
}

RowsLeft::RowsLeft(const Tensor& outline)
    : type_(outline.scalar_type()), row_(event_shape(outline)), left_(outline.size(0)) {}

Tensor RowsLeft::take(const Tensor& rows, std::string_view part) {
  bool fits = rows.scalar_type() == type_ && event_shape(rows) == row_ && rows.size(0) <= left_;
  require(fits, part, ": ", rows.size(0), " rows of ", to_string(event_shape(rows)), " ",
          c10::toString(rows.scalar_type()), ", expected at most ", left_, " of ", to_string(row_),
          " ", c10::toString(type_));
  left_ -= rows.size(0);
  return rows.detach().to(at::kCPU).contiguous();
}

void RowsLeft::finish(std::string_view part) const {
  require(left_ == 0, part, ": ", left_, " rows are missing");
}

Tensor read_elements(Input& in, const Shape& shape, at::ScalarType type, std::string_view part) {
  bool flags = type == at::kBool;
  Tensor elements = host_tensor(shape, flags ? at::kByte : type);
  in.read(elements.mutable_data_ptr(), elements.nbytes(), part);
  if (!flags) return elements;
  in.require(!elements.gt(1).any().item<bool>(), part, ": a bool that is neither 0 nor 1");
  return elements.view(at::kBool);
}

}  // namespace diffeo
