#include "config/config.h"
#include "config/config_types.h"
#include "config/yaml_text.h"
#include "config/yaml_writer.h"

namespace diffeo {

std::string to_yaml(const Config& config) {
  Config copy = config;  // fields() is one for reading and writing
  return yaml_text(node_of(copy));
}

std::string to_one_line(const DataConfig& config) {
  return std::visit(
      [](auto source) {
        DataConfig whole = source, standard = decltype(source){};
        YamlNode all = node_of(whole), defaults = node_of(standard), told;
        told.kind = YamlNode::Kind::kMap;
        for (size_t i = 0; i < all.keys.size(); ++i) {
          const std::string& key = all.keys[i].name;
          const YamlNode* standard_value = defaults.find(key);
          bool is_said = key == "source" || one_line(all.items[i]) != one_line(*standard_value);
          if (is_said) told.add(key, all.items[i]);
        }
        return one_line(told);
      },
      config);
}

TypeInfo config_type() { return type_info<Config>(); }

TypeInfo layer_type() { return type_info<LayerConfig>(); }

}  // namespace diffeo
