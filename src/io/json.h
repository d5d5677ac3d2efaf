#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/error.h"

namespace diffeo {

// Strict JSON: one value, UTF-8, no key twice in an object, at most 64 levels deep. Errors name
// `place` and the position in the text.
nlohmann::json parse_json(std::string_view text, const std::string& place, Exit exit = Exit::kData);

// Of a file of at most 64 MiB.
nlohmann::json load_json(const std::filesystem::path& path, Exit exit = Exit::kData);

// As text, in one line or indented. What is not UTF-8, as the name of a file may be, becomes
// U+FFFD.
std::string json_text(const nlohmann::json& value, int indent = -1);

// Indented, keys sorted, written durably.
void save_json(const std::filesystem::path& path, const nlohmann::json& value);

}  // namespace diffeo
