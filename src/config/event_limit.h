#pragma once

#include <string>

namespace diffeo {

// yaml-cpp 0.7 finds empty entries without end in some texts with a list left open. This parses a
// text once without keeping anything and throws YAML::ParserException where it yields more than any
// text of its length can.
void require_finite_yaml(const std::string& text);

}  // namespace diffeo
