#pragma once

#include "commands/command_line.h"
#include "config/config.h"

namespace diffeo {

// The DATA of a command: a configuration (file or shipped name), a checkpoint's, or a data section
// alone, as '{source: npy, path: x.npy, shape: [2]}'. The first two take KEY=VALUE changes.
struct DataArgument {
  std::string command;  // "diffeo data info"
  std::string data = {};
  Words overrides = {};

  void declare(CommandLine& line);

  // The whole configuration; of a section alone, one without layers. Throws Exit::kUsage.
  Config config() const;
};

}  // namespace diffeo
