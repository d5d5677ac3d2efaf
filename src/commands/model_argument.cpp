#include "commands/model_argument.h"

#include <iostream>

#include "commands/shipped_configs.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

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

}  // namespace diffeo
