#pragma once

#include <string>

#include "config/findings.h"
#include "config/yaml_node.h"

namespace diffeo {

// Reads exactly one YAML document. `start` is where the text begins.
//
// Stricter than YAML: at most 1 MiB of UTF-8 without NUL, 32 levels and 100,000 nodes, aliases
// counted as often as they are used; no duplicate keys, no merge keys (<<), no tags, keys are plain
// scalars. What leaves the rest readable is added to the findings; anything else throws them all.
YamlNode parse_yaml(const std::string& text, const Place& start, Findings& findings);

}  // namespace diffeo
