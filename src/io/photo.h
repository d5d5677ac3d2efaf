#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/shape.h"

namespace diffeo {

// A photograph or drawing in a PNG or JPEG file, whatever its name says, as numbers to learn from.

// -> [channels, H, W] uint8, channels 1 or 3, upright. Transparent pixels are shown on white, 16
// bits rounded to 8, palettes looked up, grey made RGB by repetition and RGB grey by its luma
// (ITU-R BT.601). Throws `exit`, `place` first, for anything else and for what is broken.
Tensor parse_photo(std::string_view bytes, int64_t channels, const std::string& place,
                   Exit exit = Exit::kData);
Tensor load_photo(const std::filesystem::path& path, int64_t channels, Exit exit = Exit::kData);

}  // namespace diffeo
