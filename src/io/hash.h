#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"

namespace diffeo {

// XXH3, 128 bits, as 32 hexadecimal digits, as `xxhsum -H2` prints it: guards against accidents, not against an attacker.
std::string xxh3_128(std::string_view bytes);
std::string xxh3_128_of_file(const std::filesystem::path& path, Exit exit = Exit::kData);

}  // namespace diffeo
