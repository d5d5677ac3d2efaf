#pragma once

#include "golden/golden.h"
#include "transforms/layers.h"

// Flows on vectors as other programs wrote them down, as lists of our layers.
namespace diffeo::golden {

struct VectorPlan {
  std::vector<Layer> layers = {};  // from data to noise
  NamedTensors values = {};        // by our names, float64
  // For each layer of theirs, in the order of their trace, how many of ours it is. Where theirs run
  // from noise to data, the last of our layers comes first.
  std::vector<int64_t> steps = {};
  bool from_noise = false;

  // Adds a layer of ours; returns where its parameters are.
  std::string add(Layer layer);
  void set(const std::string& name, const Tensor& value) { values[name] = value; }
};

VectorPlan vector_plan(const Case& c, const NamedTensors& tensors);

// A flow of the MAF authors' form, and the gated one of IAF, by their masks [in, out].
VectorPlan maf_author_plan(const Case& c, const NamedTensors& tensors);
VectorPlan iaf_gated_plan(const NamedTensors& tensors);

// "prefix" + number + "rest".
std::string numbered(const std::string& prefix, int64_t number, const std::string& rest);

// How many of prefix0rest, prefix1rest, ... there are.
int64_t count_of(const NamedTensors& tensors, const std::string& prefix, const std::string& rest);

std::vector<int64_t> whole(const Tensor& values);

}  // namespace diffeo::golden
