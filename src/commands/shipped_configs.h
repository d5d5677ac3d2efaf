#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace diffeo {

struct ShippedConfig {
  std::string name;  // "cifar10/glow"
  std::filesystem::path path;
  std::string purpose;  // what its first line of comment says
};

// The configurations that come with the program, by name.
std::vector<ShippedConfig> shipped_configs();

// The file that a CONFIG of the command line means: a path, or the name of a shipped configuration.
// Throws Exit::kUsage, with the nearest name, where it is neither.
std::string config_path(const std::string& argument);

// Likewise the file that a MAP of `train --init` means: a path, or the name of a shipped map.
std::string map_path(const std::string& argument);

}  // namespace diffeo
