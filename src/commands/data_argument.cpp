#include "commands/data_argument.h"

#include "commands/model_argument.h"
#include "core/error.h"

namespace diffeo {

void DataArgument::declare(CommandLine& line) {
  line.argument("DATA", data,
                "Configuration (file or shipped name), checkpoint, or a data section: "
                "'{source: npy, path: x.npy, shape: [2]}'");
  line.arguments("KEY=VALUE", overrides, "Changes of a configuration: data.path=/elsewhere");
}

Config DataArgument::config() const {
  bool is_section = data.starts_with("{");
  if (!is_section && !is_checkpoint(data)) return config_of(data, overrides);
  if (!is_section) return overridden(config_of_model(data), data, overrides);
  require(overrides.empty(), Exit::kUsage, command, ": '", overrides.empty() ? "" : overrides[0],
          "' changes a configuration; of a data section alone, write it inside the braces");
  Config config;
  config.data = parse_data(data, "DATA");
  return config;
}

}  // namespace diffeo
