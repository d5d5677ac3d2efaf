#pragma once

#include <string>
#include <vector>

#include "flow/flow.h"

namespace diffeo {

// One layer as a user counts them: lists and repetitions are taken apart.
struct LayerRow {
  std::string path;
  Shape output;        // what the next layer reads
  int64_t parameters;  // its own, those of the layers inside it apart
};

// Every layer, data to noise; one with layers inside stands before them.
std::vector<LayerRow> layer_rows(const Flow& flow);

int64_t parameter_count(const torch::nn::Module& module);

}  // namespace diffeo
