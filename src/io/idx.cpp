#include "io/idx.h"

#include <ATen/ATen.h>

#include "io/elements.h"
#include "io/file_kind.h"
#include "io/files.h"
#include "io/gz.h"

namespace diffeo {
namespace {

constexpr int kMaxIdxDimensions = 4;

at::ScalarType idx_type(const Input& in, uint8_t code) {
  switch (code) {
    case 0x08: return at::kByte;
    case 0x09: return at::kChar;
    case 0x0b: return at::kShort;
    case 0x0c: return at::kInt;
    case 0x0d: return at::kFloat;
    case 0x0e: return at::kDouble;
    default: in.fail("IDX type ", int{code}, ", expected 8, 9, 11, 12, 13 or 14");
  }
}

int64_t read_idx_size(Input& in) {
  int64_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | in.read_value<uint8_t>("the sizes");
  in.require(size > 0, "a dimension of size 0, expected at least one element");
  return size;
}

// Elements of `item` bytes each, their bytes turned round: [N * item] uint8.
Tensor swapped(const Tensor& bytes, int64_t item) {
  return item == 1 ? bytes : bytes.view({-1, item}).flip(1).reshape(-1);
}

}  // namespace

Tensor read_idx(Input& in) {
  std::string start = in.read_text(2, "the first bytes");
  if (start != std::string(2, '\0'))
    in.fail("does not begin with two zeros as an IDX file does", actual_kind(in, start));
  at::ScalarType type = idx_type(in, in.read_value<uint8_t>("the type"));
  int dimensions = in.read_value<uint8_t>("the number of dimensions");
  in.require(1 <= dimensions && dimensions <= kMaxIdxDimensions, dimensions,
             " dimensions, expected 1 to ", kMaxIdxDimensions);
  Shape shape;
  for (int i = 0; i < dimensions; ++i) shape.push_back(read_idx_size(in));
  int64_t item = static_cast<int64_t>(c10::elementSize(type));
  auto bytes = bytes_of(shape, item);
  in.require(bytes && static_cast<uint64_t>(*bytes) <= in.remaining(), "its header promises ",
             to_string(shape), " of ", item, " bytes each, more than the file can hold");
  Tensor data = read_elements(in, {*bytes}, at::kByte, "the elements");
  in.finish();
  return swapped(data, item).view(type).view(shape);
}

Tensor load_idx(const std::filesystem::path& path, Exit exit) {
  return read_idx(*open_unpacked(path, exit));
}

}  // namespace diffeo
