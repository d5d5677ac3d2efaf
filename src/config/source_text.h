#pragma once

#include <string>

#include "config/findings.h"

namespace diffeo {

// The bytes of a configuration file. Throws Error (Exit::kUsage) when there is none or it is larger than 1 MiB.
std::string read_source(const std::string& path);

// Throws unless the text is UTF-8 without NUL and at most 1 MiB.
void check_source(const std::string& text, const Place& start, Findings& findings);

}  // namespace diffeo
