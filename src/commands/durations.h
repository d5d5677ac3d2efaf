#pragma once

#include <string>

namespace diffeo {

// Reads "90s", "45m", "2h30m", up to ten years. Returns what is wrong, or nothing after setting
// `seconds`.
std::string read_duration(const std::string& text, double& seconds);

}  // namespace diffeo
