#pragma once

#include <filesystem>

#include "core/error.h"
#include "core/shape.h"

namespace diffeo {

class Input;

// IDX, the format of MNIST and its relatives (yann.lecun.com/exdb/mnist): two zeros, a type (uint8,
// int8, int16, int32, float32, float64), the number of dimensions (1 to 4), each as a big-endian
// uint32, the elements in C order, big-endian. A dimension of zero is refused.
Tensor read_idx(Input& in);

// Plain or gzip, told apart by its first bytes.
Tensor load_idx(const std::filesystem::path& path, Exit exit = Exit::kData);

}  // namespace diffeo
