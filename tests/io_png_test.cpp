#include "io/png.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include "io_support.h"

namespace diffeo {
namespace {

using namespace std::string_literals;

std::string big_endian(uint32_t value) {
  std::string bytes = little_endian(value);
  return {bytes.rbegin(), bytes.rend()};
}

std::string chunk(const std::string& type, const std::string& content) {
  std::string checked = type + content;
  auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_endian(static_cast<uint32_t>(content.size())) + checked +
         big_endian(static_cast<uint32_t>(sum));
}

std::string packed(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string result(size, '\0');
  compress(reinterpret_cast<Bytef*>(result.data()), &size,
           reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  return result.substr(0, size);
}

// A PNG file of the given kind; `extra` stands between header and pixels.
std::string png_file(uint32_t width, uint32_t height, char depth, char colour,
                     const std::string& rows, const std::string& extra = "") {
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big_endian(width) + big_endian(height) + depth + colour + "\0\0\0"s) +
         extra + chunk("IDAT", packed(rows)) + chunk("IEND", "");
}

std::string message(const std::string& bytes) {
  return message_of([&] { parse_png(bytes, "x"); });
}

Tensor noise(int64_t channels) {
  return at::arange(channels * 5 * 7).mul(37).remainder(256).to(at::kByte).view({channels, 5, 7});
}

TEST(Png, RoundTripsGreyAndColour) {
  TemporaryDirectory directory;
  for (int64_t channels : {1, 3}) {
    save_png(directory / "a.png", noise(channels));
    EXPECT_TRUE(at::equal(load_png(directory / "a.png"), noise(channels)));
  }
}

TEST(Png, TakesViewsByTheirValues) {
  Tensor turned = noise(3).permute({0, 2, 1});
  EXPECT_TRUE(at::equal(parse_png(png_bytes(turned), "x"), turned));
}

TEST(Png, WritesEqualBytesForEqualPicturesAndHoldsText) {
  EXPECT_EQ(png_bytes(noise(3)), png_bytes(noise(3)));
  std::string bytes = png_bytes(noise(3), {{"Comment", "seed 3, température 0.7"}});
  EXPECT_NE(bytes.find("seed 3, température 0.7"), std::string::npos);
  EXPECT_TRUE(at::equal(parse_png(bytes, "x"), noise(3)));
}

TEST(Png, RefusesToWriteWhatIsNoPicture) {
  auto of = [](const Tensor& image) { return message_of([&] { png_bytes(image); }); };
  EXPECT_EQ(of(at::zeros({3, 2, 2})),
            "a PNG picture is [1 or 3, H, W] of uint8, found [3, 2, 2] of Float");
  EXPECT_EQ(of(at::zeros({2, 2, 2}, at::kByte)),
            "a PNG picture is [1 or 3, H, W] of uint8, found [2, 2, 2] of Byte");
  EXPECT_EQ(of(at::zeros({2, 2}, at::kByte)),
            "a PNG picture is [1 or 3, H, W] of uint8, found [2, 2] of Byte");
  EXPECT_EQ(of(at::zeros({3, 0, 2}, at::kByte)),
            "a PNG picture is [1 or 3, H, W] of uint8, found [3, 0, 2] of Byte");
  EXPECT_EQ(message_of([] { png_bytes(noise(1), {{"", "x"}}); }).substr(0, 33),
            "a PNG picture cannot be written: ");
}

TEST(Png, ExpandsPalettesAndFewBits) {
  std::string palette = chunk("PLTE", "\x01\x02\x03\x0a\x0b\x0c");
  Tensor coloured = parse_png(png_file(2, 1, 8, 3, "\0\x01\0"s, palette), "x");
  EXPECT_TRUE(
      at::equal(coloured.view({3, 2}), at::tensor({10, 1, 11, 2, 12, 3}, at::kByte).view({3, 2})));
  Tensor bits = parse_png(png_file(8, 1, 1, 0, "\0\xa0"s), "x");
  EXPECT_TRUE(at::equal(bits.view({8}), at::tensor({255, 0, 255, 0, 0, 0, 0, 0}, at::kByte)));
}

TEST(Png, KeepsPixelsAsStoredWhateverTheGamma) {
  std::string gamma = chunk("gAMA", big_endian(20000));
  EXPECT_EQ(parse_png(png_file(1, 1, 8, 0, "\0\x64"s, gamma), "x").item<int>(), 100);
}

TEST(Png, GivesTheOpacityAsALastChannelAndRounds16BitsTo8) {
  auto pixel = [](const std::string& bytes) { return parse_png(bytes, "x").flatten(); };
  EXPECT_TRUE(at::equal(pixel(png_file(1, 1, 8, 6, "\0abcd"s)),
                        at::tensor({'a', 'b', 'c', 'd'}, at::kByte)));
  EXPECT_TRUE(at::equal(pixel(png_file(1, 1, 8, 4, "\0ab"s)), at::tensor({'a', 'b'}, at::kByte)));
  std::string key = chunk("tRNS", "\0\x61"s);  // "a" is the transparent value
  EXPECT_TRUE(at::equal(pixel(png_file(1, 1, 8, 0, "\0a"s, key)), at::tensor({97, 0}, at::kByte)));
  EXPECT_EQ(pixel(png_file(1, 1, 16, 0, "\0\x40\xff"s)).item<int>(), 65);
}

TEST(Png, RefusesHugePicturesBeforeTakingMemory) {
  EXPECT_EQ(message(png_file(16385, 1, 8, 2, "")),
            "x: 16385 x 1 pixels, at most 16384 a side and 67108864 in all");
  EXPECT_EQ(message(png_file(16384, 16384, 8, 2, "")),
            "x: 16384 x 16384 pixels, at most 16384 a side and 67108864 in all");
  EXPECT_EQ(message(png_file(0x7fffffff, 0x7fffffff, 8, 2, "")).substr(0, 28),
            "x: not a whole PNG picture: ");
  EXPECT_EQ(message(png_file(0, 1, 8, 2, "")).substr(0, 28), "x: not a whole PNG picture: ");
}

TEST(Png, TakesNoMemoryForTextThatIsNotThere) {
  std::string text = chunk("tEXt", "Comment");
  text.replace(0, 4, big_endian(2000000000));
  rusage before, after;
  ::getrusage(RUSAGE_SELF, &before);
  EXPECT_EQ(message(png_file(1, 1, 8, 0, "\0a"s, text)),
            "x: not a whole PNG picture: it is cut off");
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 100000);  // kB
}

TEST(Png, RefusesOtherFilesAndEveryTruncation) {
  EXPECT_EQ(message("GIF89a......"),
            "x: not a whole PNG picture: Not a PNG file; it is a GIF picture");
  std::string bytes = png_bytes(noise(3));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(message(bytes.substr(0, size)).substr(0, 28), "x: not a whole PNG picture: ") << size;
  }
}

TEST(Png, RefusesPixelsThatAreMissingOrDamaged) {
  EXPECT_EQ(message(png_file(2, 2, 8, 0, "\0ab"s)).substr(0, 28), "x: not a whole PNG picture: ");
  std::string bytes = png_bytes(noise(1));
  bytes[50] ^= 1;
  EXPECT_EQ(message(bytes).substr(0, 28), "x: not a whole PNG picture: ");
}

TEST(Png, EndsInAValueOrAnErrorWhateverTheBytes) {
  expect_values_or_errors(png_bytes(noise(3), {{"Comment", "x"}}), 10000,
                          [](const std::string& bytes) { parse_png(bytes, "x"); });
  std::string palette = chunk("PLTE", "\x01\x02\x03\x0a\x0b\x0c");
  expect_values_or_errors(png_file(2, 1, 8, 3, "\0\x01\0"s, palette), 10000,
                          [](const std::string& bytes) { parse_png(bytes, "x"); });
}

}  // namespace
}  // namespace diffeo
