#pragma once

#include "commands/command_line.h"
#include "config/config.h"
#include "flow/flow.h"
#include "inference/load_flow.h"

namespace diffeo {

// The configuration that a CONFIG of the command line means, with its overrides. What the
// overrides' patterns have set is told on standard error.
Config config_of(const std::string& argument, const Words& overrides = {});

// Whether an argument means a checkpoint and no configuration: a directory, or DIRECTORY:WHICH.
bool is_checkpoint(const std::string& argument);

// The configuration of a MODEL, which is either. Of a checkpoint no weights are read.
Config config_of_model(const std::string& argument);

// Tells the user on standard error.
void warn_user(const std::string& message);

}  // namespace diffeo
