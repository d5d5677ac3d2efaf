#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "nets/made.h"

namespace diffeo {

// Columns of a layer's known units, which come in the order of their degrees. A pass that autograd
// records must not write into what it has read.
class Known {
 public:
  Known(const Tensor& like, int64_t units);
  void append(const Tensor& columns);
  Tensor so_far() const { return buffer_.narrow(1, 0, count_); }

 private:
  Tensor buffer_;
  int64_t count_ = 0;
};

// A layer, masked, whose rows and columns stand by degree.
struct SortedLayer {
  Tensor weight, bias;

  // Of the rows first … first + count - 1, from the units that are known.
  Tensor rows(const Known& known, int64_t first, int64_t count) const;
};

// A pass through a MADE that goes up by degrees: the units of a degree in all layers, as soon as
// the coordinates that they read are known.
class MadeGrowth {
 public:
  MadeGrowth(const Made& net, const Tensor& like, const Pass& pass);

  void grow(int64_t degree);          // computes the units of this degree
  Tensor next_numbers(int64_t rows);  // of the next group, which reads units of lower degrees
  void learn(const Tensor& values) { inputs_.append(values); }  // that group's coordinates
  Tensor coordinates() const;  // all, [B, D], each in its own place

 private:
  void read_context(const Pass& pass);
  Tensor added(const Tensor& h, size_t layer, int64_t count) const;
  void grow_plain(const Tensor& h, int64_t count);
  void grow_residual(Tensor h, int64_t count);

  const Made& net_;
  bool plain_;
  SortedLayer first_, last_;
  std::vector<SortedLayer> layers_;
  Known inputs_;
  std::vector<Known> known_;  // what each of layers_ reads, then what the last layer does
  // What the context adds to each layer that reads it, [B, width] each: the first layer, then the
  // first of every block.
  std::vector<Tensor> from_context_;
  int64_t done_ = 0, rows_done_ = 0;
};

}  // namespace diffeo
