#pragma once

#include <memory>

#include "commands/command_line.h"
#include "config/config.h"
#include "flow/flow.h"

namespace diffeo {

// The configuration that a CONFIG of the command line means, with its overrides. What the overrides' patterns have set
// is told on standard error.
Config config_of(const std::string& argument, const Words& overrides = {});

// What a flow is built with: the data's shape and classes, and tensors of these options.
Site site_of(const Config& config, const c10::TensorOptions& options);

// The flow on the meta device: shapes and counts without memory or time. Throws Exit::kUsage, all reasons at once,
// where it cannot be built or does not suit the data.
std::unique_ptr<Flow> outline_of(const Config& config);

}  // namespace diffeo
