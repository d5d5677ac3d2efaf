#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"

namespace diffeo {

// XXH3 of 128 bits in 32 hexadecimal digits, as `xxhsum -H2` prints it. Guards against accidents,
// not attackers.
std::string xxh3_128(std::string_view bytes);
std::string xxh3_128_of_file(const std::filesystem::path& path, Exit exit = Exit::kData);

}  // namespace diffeo
