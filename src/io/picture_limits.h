#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"

namespace diffeo {

// What is read as a picture, so that no file of a few bytes takes all memory.
constexpr uint64_t kMostPictureBytes = uint64_t{256} << 20;
constexpr int64_t kMostPictureSide = 16384, kMostPicturePixels = int64_t{1} << 26;

// Throws, `place` first, for a larger one.
inline void require_picture_size(const std::string& place, Exit exit, int64_t width,
                                 int64_t height) {
  bool fits = width <= kMostPictureSide && height <= kMostPictureSide &&
              width * height <= kMostPicturePixels;
  require(fits, exit, place, ": ", width, " x ", height, " pixels, at most ", kMostPictureSide,
          " a side and ", kMostPicturePixels, " in all");
}

}  // namespace diffeo
