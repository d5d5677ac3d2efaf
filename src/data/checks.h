#pragma once

#include <filesystem>

#include "data/dataset.h"

namespace diffeo {

// What every source refuses. All throw Exit::kData, with the file first.

// `found`: the shape of one example in a file, of `count` examples.
void check_examples(const std::filesystem::path& file, int64_t count, const Shape& found,
                    const Shape& expected);

// Vectors [N, D] of any float -> float32. Refuses numbers that are not finite there, and columns
// that single precision cannot hold apart (require_single_precision()).
Tensor single_precision(const std::filesystem::path& file, const Tensor& vectors);

// One label for each of `count` examples, each in 0 … classes - 1: -> [count] int64.
Tensor checked_labels(const std::filesystem::path& file, const Tensor& labels, int64_t count,
                      int64_t classes);

}  // namespace diffeo
