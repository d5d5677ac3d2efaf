#pragma once

#include <filesystem>

#include "commands/command_line.h"

namespace diffeo {

// Throws Exit::kUsage, `option` first, before anything is computed: for an ending that is none of
// these ({".npy", …}), for a folder that is not there, and for a file that is there already, unless
// `force` replaces it.
void check_output(const char* option, const std::filesystem::path& path, const Words& endings,
                  bool force);

// The file that a command is to write, with --out and --force.
struct OutputFile {
  std::optional<std::string> path;
  bool force = false;

  void declare(CommandLine& line, const char* help);  // of --out

  // The path, which must be given and pass check_output().
  std::filesystem::path checked(const Words& endings) const;
};

}  // namespace diffeo
