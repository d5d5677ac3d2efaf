#include "config/configured_flow.h"

#include "core/listed.h"
#include "core/memory.h"

namespace diffeo {

namespace {

// What the layers read of the data's context, and whether the two fit each other.
std::optional<ContextConfig> context_config(const Config& config) {
  std::vector<std::string> columns = data_context(config.data);
  if (columns.empty()) {
    require(!config.features, Exit::kUsage,
            "features: reads context columns, and the data have none (data.context)");
    return {};
  }
  require(reads_features(config.flow), Exit::kUsage, "data.context: no layer reads the ",
          columns.size(), " context column", columns.size() == 1 ? "" : "s", " (", listed(columns),
          "); give a layer 'context: features', or leave data.context out");
  return config.features.value_or(ContextConfig{});
}

}  // namespace

std::shared_ptr<Flow> build_flow(const Config& config, const at::TensorOptions& options) {
  std::optional<ContextConfig> context = context_config(config);
  Site site{
      .input = data_shape(config.data),
      .features = context ? Shape{static_cast<int64_t>(data_context(config.data).size())} : Shape{},
      .classes = data_classes(config.data),
      .options = options,
      .seed = static_cast<uint64_t>(config.seed)};
  std::shared_ptr<Flow> flow;
  within_memory("in building the flow",
                "cure: fewer layers or hidden channels, or a machine with more memory", [&] {
                  flow = std::make_shared<Flow>(config.flow, site, config.base, context,
                                                data_is_standardised(config.data));
                });
  return flow;
}

}  // namespace diffeo
