#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/shape.h"

namespace diffeo {

// Text chunks by keyword (1 to 79 Latin letters, as "Comment" or "Description"), UTF-8.
using PngText = std::map<std::string, std::string>;

// A picture [C, H, W] uint8 with C = 1 (grey) or 3 (red, green, blue). Equal pictures give equal
// bytes.
std::string png_bytes(const Tensor& image, const PngText& text = {});
void save_png(const std::filesystem::path& path, const Tensor& image, const PngText& text = {});

// [C, H, W] uint8: C = 1 (grey) or 3, and one more, the last, where pixels have an opacity. Values
// as stored: palettes and grey of 1, 2 or 4 bits are expanded, 16 bits rounded to 8, colour
// profiles ignored. A picture of more than 16384 pixels a side or 2^26 in all is refused before
// memory is taken. What follows the picture's end is ignored, as everywhere.
Tensor parse_png(std::string_view bytes, const std::string& place, Exit exit = Exit::kData);
Tensor load_png(const std::filesystem::path& path, Exit exit = Exit::kData);

}  // namespace diffeo
