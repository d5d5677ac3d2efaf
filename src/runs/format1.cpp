#include "runs/format1.h"

#include <ATen/ATen.h>

#include <regex>

namespace diffeo {

// Each replacement takes the outermost factor_out apart, so that the next is found by its number in
// the flat list.
std::string name_of_format1(std::string name) {
  static const std::regex inside("^(.*?\\.)([0-9]+)_factor_out\\.rest\\.([0-9]+)(_.*)$");
  std::smatch found;
  while (std::regex_match(name, found, inside)) {
    int64_t place = std::stoll(found[2]) + 1 + std::stoll(found[3]);
    name = found[1].str() + std::to_string(place) + found[4].str();
  }
  return name;
}

NamedTensors renamed_of_format1(const NamedTensors& tensors) {
  NamedTensors renamed;
  for (const auto& [name, tensor] : tensors) renamed[name_of_format1(name)] = tensor;
  return renamed;
}

void add_flags_of_format1(NamedTensors& weights, const NamedTensors& model) {
  for (const auto& [name, tensor] : model) {
    if (name.ends_with(".initialised")) weights.try_emplace(name, at::ones_like(tensor));
  }
}

}  // namespace diffeo
