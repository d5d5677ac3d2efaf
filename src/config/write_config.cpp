#include "config/config.h"
#include "config/config_types.h"
#include "config/yaml_text.h"
#include "config/yaml_writer.h"

namespace diffeo {

std::string to_yaml(const Config& config) {
  Config copy = config;  // fields() is one for reading and writing
  return yaml_text(node_of(copy));
}

TypeInfo config_type() { return type_info<Config>(); }

TypeInfo layer_type() { return type_info<LayerConfig>(); }

}  // namespace diffeo
