// Photographs as users have them: JPEG files, and whatever a PNG file may be.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <cstdio>  // before jpeglib.h, which needs FILE

#include "io/jpeg.h"
#include "io/photo.h"
#include "io_support.h"

namespace diffeo {
namespace {

using namespace std::string_literals;

// [C, H, W] uint8 as a JPEG file of the best quality; four channels are CMYK.
std::string jpeg_file(const Tensor& picture, bool progressive = false) {
  Tensor pixels = picture.permute({1, 2, 0}).contiguous();
  jpeg_compress_struct codec = {};
  jpeg_error_mgr errors;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &bytes, &size);
  codec.image_height = static_cast<JDIMENSION>(pixels.size(0));
  codec.image_width = static_cast<JDIMENSION>(pixels.size(1));
  codec.input_components = static_cast<int>(pixels.size(2));
  codec.in_color_space = codec.input_components == 1   ? JCS_GRAYSCALE
                         : codec.input_components == 3 ? JCS_RGB
                                                       : JCS_CMYK;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, 100, TRUE);
  if (progressive) jpeg_simple_progression(&codec);
  jpeg_start_compress(&codec, TRUE);
  for (int64_t y = 0; y < pixels.size(0); ++y) {
    JSAMPROW row = pixels.mutable_data_ptr<uint8_t>() + y * pixels.stride(0);
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  std::string file(reinterpret_cast<char*>(bytes), size);
  std::free(bytes);
  return file;
}

// The same file with EXIF data that say how it is to be turned, in either byte order.
std::string turned(const std::string& file, char orientation, bool little) {
  std::string entry = little ? "\x12\x01\x03\x00\x01\x00\x00\x00"s + orientation + "\0\0\0"s
                             : "\x01\x12\x00\x03\x00\x00\x00\x01\0"s + orientation + "\0\0"s;
  std::string tiff = little ? "II\x2a\0\x08\0\0\0\x01\0"s : "MM\0\x2a\0\0\0\x08\0\x01"s;
  std::string exif = "Exif\0\0"s + tiff + entry + "\0\0\0\0"s;
  auto length = static_cast<uint16_t>(exif.size() + 2);
  return file.substr(0, 2) + "\xff\xe1"s + static_cast<char>(length >> 8) +
         static_cast<char>(length & 0xff) + exif + file.substr(2);
}

// Light above left, dark below right, in blocks that JPEG keeps.
Tensor quadrants(int64_t channels = 3) {
  Tensor picture = at::full({channels, 16, 24}, 60, at::kByte);
  picture.narrow(1, 0, 8).narrow(2, 0, 8).fill_(250);
  picture.narrow(1, 8, 8).narrow(2, 16, 8).fill_(5);
  return picture;
}

bool is_close(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && (a.to(at::kInt) - b.to(at::kInt)).abs().max().item<int>() <= 3;
}

std::string photo_message(const std::string& bytes) {
  return message_of([&] { parse_photo(bytes, 3, "x"); });
}

TEST(Photo, ReadsJpegAsGreyOrRgb) {
  for (int64_t channels : {1, 3}) {
    for (bool progressive : {false, true}) {
      std::string file = jpeg_file(quadrants(channels), progressive);
      EXPECT_TRUE(is_close(parse_jpeg(file, "x"), quadrants(channels)));
      EXPECT_TRUE(is_close(parse_photo(file, 3, "x"), quadrants()));
      EXPECT_TRUE(is_close(parse_photo(file, 1, "x"), quadrants(1)));
    }
  }
}

TEST(Photo, TurnsAsTheCameraWasHeld) {
  Tensor stored = quadrants();
  // What stands above left in the file comes, by orientation, to: rows, columns, or both exchanged.
  std::vector<Tensor> upright{stored,
                              stored.flip(2),
                              stored.rot90(2, {1, 2}),
                              stored.flip(1),
                              stored.transpose(1, 2),
                              stored.rot90(-1, {1, 2}),
                              stored.rot90(2, {1, 2}).transpose(1, 2),
                              stored.rot90(1, {1, 2})};
  std::string file = jpeg_file(stored);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (bool little : {false, true}) {
      Tensor read = parse_photo(turned(file, static_cast<char>(orientation), little), 3, "x");
      EXPECT_TRUE(is_close(read, upright[orientation - 1])) << orientation;
    }
  }
  EXPECT_TRUE(is_close(parse_photo(turned(file, 9, true), 3, "x"), stored)) << "there is no ninth";
}

TEST(Photo, ShowsTransparentPixelsOnWhite) {
  // One grey pixel of opacity 51, a fifth: 100 / 5 + 255 · 4 / 5.
  std::string file =
      "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\001"
      "\000\000\000\001\010\004\000\000\000\265\034\014\002\000\000\000\013\111\104\101"
      "\124\170\234\143\110\061\006\000\000\376\000\230\365\012\211\375\000\000\000\000"
      "\111\105\116\104\256\102\140\202"s;
  EXPECT_EQ(parse_photo(file, 1, "x").item<int>(), 224);
  EXPECT_TRUE(at::equal(parse_photo(file, 3, "x"), at::full({3, 1, 1}, 224, at::kByte)));
}

TEST(Photo, RefusesByName) {
  EXPECT_EQ(photo_message(jpeg_file(at::zeros({4, 8, 8}, at::kByte))),
            "x: is CMYK, as for print, expected grey or RGB; convert it first");
  std::string file = jpeg_file(quadrants());
  EXPECT_EQ(photo_message(file.substr(0, file.size() / 2)),
            "x: not a whole JPEG picture: Premature end of JPEG file");
  EXPECT_EQ(photo_message("GIF89a, and so on, for long enough to be one"),
            "x: not a whole PNG picture: Not a PNG file; it is a GIF picture");
  std::string overwritten = file;  // no code of the standard tables is all ones
  for (size_t at = file.find("\xff\xda"s) + 20, i = 0; i < 10; ++i)
    overwritten.replace(at + 2 * i, 2, "\xff\x00"s);
  EXPECT_EQ(photo_message(overwritten).substr(0, 48),
            "x: not a whole JPEG picture: Corrupt JPEG data: ");
  std::string huge = file;
  size_t frame = huge.find("\xff\xc0"s);
  ASSERT_NE(frame, std::string::npos);
  huge.replace(frame + 5, 4, "\xff\x00\xff\x00"s);
  EXPECT_EQ(photo_message(huge),
            "x: 65280 x 65280 pixels, at most 16384 a side and 67108864 in all");
}

TEST(Photo, EndsInAValueOrAnErrorWhateverTheBytes) {
  for (bool progressive : {false, true}) {
    expect_values_or_errors(turned(jpeg_file(quadrants(), progressive), 6, true), 3000,
                            [](const std::string& bytes) { parse_photo(bytes, 3, "x"); });
  }
}

}  // namespace
}  // namespace diffeo
