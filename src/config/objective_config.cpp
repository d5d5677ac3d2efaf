#include "config/objective_config.h"

#include <algorithm>

#include "core/error.h"

namespace diffeo {

bool PenaltyConfig::chooses(const std::string& name) const {
  auto contains = [&](const std::string& part) { return name.find(part) != std::string::npos; };
  return parameters.empty() || std::any_of(parameters.begin(), parameters.end(), contains);
}

void PenaltyConfig::require_names(const std::vector<std::string>& names) const {
  for (const std::string& part : parameters) {
    auto contains = [&](const std::string& name) { return name.find(part) != std::string::npos; };
    require(std::any_of(names.begin(), names.end(), contains), Exit::kUsage,
            "penalty.parameters: no parameter's name contains '", part, "'; they are called as ",
            names.front());
  }
}

}  // namespace diffeo
