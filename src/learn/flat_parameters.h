#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// Where one parameter stands in a flat buffer [N].
struct ParameterRange {
  std::string name;  // as the module calls it: "flow.3_coupling.net.0.weight"
  int64_t offset;
  Shape shape;

  int64_t size() const { return numel(shape); }
  Tensor of(const Tensor& flat) const;  // the view [*shape] of a buffer laid out like this
};

// All parameters of a module as views of one buffer, and their gradients of another, so that
// optimizer, clipping and averages are a few kernels whatever the number of parameters. Takes
// effect when built; the module keeps its dtype and device from there on. Every parameter starts at
// a multiple of 64 bytes; what lies between is zero in every buffer.
class FlatParameters {
 public:
  explicit FlatParameters(torch::nn::Module& module);
  FlatParameters(const FlatParameters&) = delete;
  FlatParameters& operator=(const FlatParameters&) = delete;

  const Tensor& values() const { return values_; }        // [N]
  const Tensor& gradients() const { return gradients_; }  // [N], where backward() adds
  const std::vector<ParameterRange>& ranges() const {
    return ranges_;
  }  // in the order of registration
  int64_t count() const;  // of the numbers, without what lies between

  // Makes the module compute with another buffer laid out like values(); show(values()) ends that.
  void show(const Tensor& flat);

 private:
  std::vector<Tensor> parameters_;
  std::vector<ParameterRange> ranges_;
  Tensor values_, gradients_;
};

}  // namespace diffeo
