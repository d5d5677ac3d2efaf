#pragma once

#include <cstdint>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// What a data set holds, in numbers. Each looks at a block of examples at a time, or at a column,
// so that a set in a mapped file need not fit into memory.

struct PixelFacts {
  int64_t least = 0, greatest = 0;
  int64_t levels = 0;  // how many values occur, of 256
  double mean = 0, deviation = 0;
};
PixelFacts pixel_facts(const Tensor& images);  // [N, C, H, W] uint8, at least one

struct ColumnFacts {
  double least = 0, greatest = 0, mean = 0, deviation = 0;
  int64_t distinct = 0;  // how many values occur
};
std::vector<ColumnFacts> column_facts(const Tensor& vectors);  // [N, D] of any float, N >= 1

// Examples of each of the classes: labels [N] int64.
std::vector<int64_t> class_counts(const Tensor& labels, int64_t classes);

}  // namespace diffeo
