#include "commands/shipped_configs.h"

#include <algorithm>
#include <fstream>

#include "config/findings.h"
#include "core/error.h"
#include "core/listed.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

// Beside an installed program, else in the source that it was built from.
fs::path configs_folder() {
  std::error_code none;
  fs::path program = fs::read_symlink("/proc/self/exe", none);
  fs::path installed = program.parent_path().parent_path() / "share/diffeo/configs";
  return fs::is_directory(installed, none) ? installed : fs::path(DIFFEO_SOURCE "/configs");
}

std::string purpose_of(const fs::path& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  if (!line.starts_with("# ")) return {};
  return line.substr(2) + (line.ends_with(".") ? "" : " ...");
}

}  // namespace

std::vector<ShippedConfig> shipped_configs() {
  std::vector<ShippedConfig> configs;
  const fs::path folder = configs_folder();
  std::error_code none;  // a program without its folder has no shipped configurations
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, none)) {
    const fs::path& path = entry.path();
    if (!entry.is_regular_file() || path.extension() != ".yaml") continue;
    if (path.parent_path().filename() == "maps") continue;  // of train --map
    std::string name = fs::relative(path, folder).replace_extension().generic_string();
    configs.push_back({name, path, purpose_of(path)});
  }
  std::sort(configs.begin(), configs.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return configs;
}

std::string config_path(const std::string& argument) {
  std::error_code none;
  if (fs::is_directory(argument, none)) {
    fail(Exit::kUsage, argument, ": is a directory, expected a configuration");
  }
  if (fs::exists(argument, none)) return argument;
  std::vector<std::string> names;
  for (const ShippedConfig& config : shipped_configs()) {
    if (config.name == argument) return config.path;
    names.push_back(config.name);
  }
  std::string near = nearest(argument, names, likely_edits(argument));
  fail(Exit::kUsage, excerpt(argument),
       ": no such file, and no shipped configuration has that name, ",
       near.empty() ? "see diffeo config list" : "did you mean '" + near + "'?");
}

std::string map_path(const std::string& argument) {
  std::error_code none;
  if (fs::is_regular_file(argument, none)) return argument;
  fs::path folder = configs_folder() / "maps", shipped = folder / (argument + ".yaml");
  if (fs::is_regular_file(shipped, none)) return shipped;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, none))
    names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  fail(Exit::kUsage, "--map: ", excerpt(argument), ": no such file; of the shipped maps there ",
       names.empty() ? "is none" : "are " + listed_in_words(names));
}

}  // namespace diffeo
