#include "commands/model_argument.h"

#include <algorithm>
#include <iostream>

#include "commands/shipped_configs.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

bool samples_by_class(const Layer& layer) {
  return std::visit(
      []<class C>(const C& config) {
        if constexpr (requires { config.context; }) return config.context == Context::kClass;
        if constexpr (std::is_same_v<C, FactorOutConfig>) return config.prior == SplitPrior::kClass;
        if constexpr (std::is_same_v<C, PriorConfig>) return config.classes;
        if constexpr (std::is_same_v<C, RepeatConfig>) return diffeo::samples_by_class(config.body);
        return false;
      },
      layer.config);
}

}  // namespace

void warn_user(const std::string& message) { std::cerr << "warning: " << message << std::endl; }

Config config_of(const std::string& argument, const Words& overrides) {
  Words notes;
  Config config = read_config(config_path(argument), overrides, &notes);
  for (const std::string& note : notes) std::cerr << note << "\n";
  return config;
}

bool is_checkpoint(const std::string& argument) {
  std::error_code none;
  return fs::is_directory(argument, none) ||
         fs::is_directory(argument.substr(0, argument.rfind(':')), none);
}

Config config_of_model(const std::string& argument) {
  return is_checkpoint(argument) ? stored_config(locate_checkpoint(argument, warn_user))
                                 : config_of(argument);
}

bool samples_by_class(const std::vector<Layer>& layers) {
  return std::any_of(layers.begin(), layers.end(),
                     [](const Layer& layer) { return samples_by_class(layer); });
}

}  // namespace diffeo
