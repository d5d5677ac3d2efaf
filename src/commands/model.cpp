#include "commands/model.h"

#include <iostream>

#include "commands/shipped_configs.h"

namespace diffeo {

Config config_of(const std::string& argument, const Words& overrides) {
  Words notes;
  Config config = read_config(config_path(argument), overrides, &notes);
  for (const std::string& note : notes) std::cerr << note << "\n";
  return config;
}

Site site_of(const Config& config, const c10::TensorOptions& options) {
  return {.input = data_shape(config.data),
          .classes = data_classes(config.data),
          .options = options,
          .seed = static_cast<uint64_t>(config.seed)};
}

// A density of reals on whole numbers grows without bound around them.
std::unique_ptr<Flow> outline_of(const Config& config) {
  auto flow = std::make_unique<Flow>(config.flow, site_of(config, at::kMeta), config.base);
  if (data_is_image(config.data) && !flow->stochastic()) {
    fail(Exit::kUsage, config.flow.empty() ? "flow" : config.flow[0].place,
         ": images are whole numbers, and no layer turns them into reals; begin with {type: dequantize}");
  }
  return flow;
}

}  // namespace diffeo
