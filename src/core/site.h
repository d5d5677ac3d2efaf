#pragma once

#include <c10/core/TensorOptions.h>

#include <string>

#include "core/shape.h"

namespace diffeo {

// Where a module stands: what its constructor needs besides its own configuration, and the only
// source of parameters and buffers. Starting values are drawn by the rule in core/noise.h, each
// named by path and name, the same in every precision and on every device; on the meta device they
// take neither memory nor time.
struct Site {
  Shape input;
  Shape features = {};              // of the feature map or vector beside the input; empty: none
  int64_t classes = 0;              // of the labels; 0: there are none
  c10::TensorOptions options = {};  // of every parameter and buffer
  uint64_t seed = 0;                // of the starting values
  std::string path = "flow";        // of this module, as in parameter names: "flow.3_coupling"
  bool has_latents = true;          // whether a layer may end a part of the latents here

  Site inside(const std::string& name, const Shape& its_input) const;

  Tensor constant(at::IntArrayRef sizes, double value) const;
  Tensor normal(const std::string& name, at::IntArrayRef sizes,
                double deviation) const;  // N(0, deviation^2)
  Tensor uniform(const std::string& name, at::IntArrayRef sizes,
                 double bound) const;                               // U(-bound, bound)
  Tensor rotation(const std::string& name, int64_t size) const;     // random, orthogonal
  Tensor permutation(const std::string& name, int64_t size) const;  // random, int64
};

}  // namespace diffeo
