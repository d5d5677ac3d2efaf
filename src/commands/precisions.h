#pragma once

#include <c10/core/ScalarType.h>

#include <string>

#include "commands/command_line.h"

namespace diffeo {

// The option --precision of commands that compute in one or another.
void declare_precision(CommandLine& line, std::string& precision, const char* help);

// Of "fp32" and "fp64". Throws Exit::kUsage for any other.
at::ScalarType precision_named(const std::string& text);

}  // namespace diffeo
