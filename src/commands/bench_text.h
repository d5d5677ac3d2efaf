#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace diffeo {

// The reports of a benchmark for people. `report`: as benchmark() returns it.
std::string bench_text(const nlohmann::json& report);

// `report`: as compared() returns it, with `compare`, the key, and each setting's `value`.
std::string comparison_text(const nlohmann::json& report);

// `report`: `depths`, a list of {depth, milliseconds, peak_bytes}.
std::string depths_text(const nlohmann::json& report);

}  // namespace diffeo
