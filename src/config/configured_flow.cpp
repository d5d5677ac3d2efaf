#include "config/configured_flow.h"

#include "core/memory.h"

namespace diffeo {

std::shared_ptr<Flow> build_flow(const Config& config, const at::TensorOptions& options) {
  Site site{.input = data_shape(config.data),
            .classes = data_classes(config.data),
            .options = options,
            .seed = static_cast<uint64_t>(config.seed)};
  std::shared_ptr<Flow> flow;
  within_memory("in building the flow",
                "cure: fewer layers or hidden channels, or a machine with more memory",
                [&] { flow = std::make_shared<Flow>(config.flow, site, config.base); });
  return flow;
}

}  // namespace diffeo
