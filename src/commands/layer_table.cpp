#include "commands/layer_table.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

int64_t own_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const Tensor& parameter : module.parameters(/*recurse=*/false)) count += parameter.numel();
  for (const auto& child : module.children()) {
    if (!child->as<Transform>()) count += own_parameters(*child);
  }
  return count;
}

}  // namespace

std::vector<LayerRow> layer_rows(const Flow& flow) {
  std::vector<LayerRow> rows;
  for (const auto& module : flow.modules(/*include_self=*/false)) {
    const auto* layer = module->as<Transform>();
    if (!layer || module->as<Sequence>()) continue;
    rows.push_back({layer->path(), layer->output_shape(), own_parameters(*layer)});
  }
  return rows;
}

int64_t parameter_count(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace diffeo
