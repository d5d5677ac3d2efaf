#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/shape.h"

namespace diffeo {

// Whether bytes begin as JPEG files do.
bool begins_as_jpeg(std::string_view bytes);

// [C, H, W] uint8, C = 1 where the file is grey, else 3 (red, green, blue), turned upright as its
// EXIF orientation says; colour profiles are ignored. Refused: CMYK, which needs a profile to be
// looked at, a picture that is cut off, and one of more than 16384 pixels a side or 2^26 in all,
// before memory is taken.
Tensor parse_jpeg(std::string_view bytes, const std::string& place, Exit exit = Exit::kData);

}  // namespace diffeo
