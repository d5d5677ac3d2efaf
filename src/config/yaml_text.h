#pragma once

#include <string>

#include "config/yaml_node.h"

namespace diffeo {

// The tree as YAML: the top level one key a line, whatever fits on a line in flow style, texts
// quoted where they would read as another type.
std::string yaml_text(const YamlNode& root);

// The value on one line.
std::string one_line(const YamlNode& node);

}  // namespace diffeo
