#pragma once

#include <cstddef>
#include <string>

#include "config/findings.h"

namespace diffeo {

constexpr size_t kMostSourceBytes = 1 << 20;

// Throws unless the text is UTF-8 without NUL and at most 1 MiB. `start`: where it begins.
void check_source(const std::string& text, const Place& start, Findings& findings);

}  // namespace diffeo
