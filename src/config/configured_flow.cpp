#include "config/configured_flow.h"

namespace diffeo {

std::shared_ptr<Flow> build_flow(const Config& config, const at::TensorOptions& options) {
  Site site{.input = data_shape(config.data),
            .classes = data_classes(config.data),
            .options = options,
            .seed = static_cast<uint64_t>(config.seed)};
  return std::make_shared<Flow>(config.flow, site, config.base);
}

}  // namespace diffeo
