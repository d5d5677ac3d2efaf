#include "io/png.h"

#include <ATen/ATen.h>
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "io/durable.h"
#include "io/elements.h"
#include "io/file_kind.h"
#include "io/files.h"
#include "io/picture_limits.h"

// libpng leaves a failed call by longjmp. So each function here that calls setjmp holds nothing
// that needs a destructor and calls nothing but libpng; memory is taken and errors are thrown by
// its caller.

namespace diffeo {
namespace {

void keep_message(png_structp png, png_const_charp message) {
  std::strncpy(static_cast<char*>(png_get_error_ptr(png)), message, 127);
  png_longjmp(png, 1);
}
void ignore_warning(png_structp, png_const_charp) {}

// libpng's state for one picture, either way.
struct Codec {
  explicit Codec(bool writes) {
    png = (writes ? png_create_write_struct : png_create_read_struct)(
        PNG_LIBPNG_VER_STRING, message, keep_message, ignore_warning);
    if (png != nullptr) info = png_create_info_struct(png);
    writing = writes;
  }
  ~Codec() {
    writing ? png_destroy_write_struct(&png, &info) : png_destroy_read_struct(&png, &info, nullptr);
  }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;
  bool whole() const { return info != nullptr; }

  char message[128] = {};
  png_structp png = nullptr;
  png_infop info = nullptr;
  bool writing;
};

std::vector<png_bytep> rows_of(const Tensor& pixels) {  // [H, W, C] uint8, contiguous
  std::vector<png_bytep> rows;
  for (int64_t y = 0; y < pixels.size(0); ++y) {
    rows.push_back(static_cast<png_bytep>(pixels.mutable_data_ptr()) + y * pixels.stride(0));
  }
  return rows;
}

void append_bytes(png_structp png, png_bytep bytes, size_t count) {
  bool fits = true;
  try {
    static_cast<std::string*>(png_get_io_ptr(png))
        ->append(reinterpret_cast<const char*>(bytes), count);
  } catch (const std::exception&) {
    fits = false;
  }
  if (!fits) png_error(png, "out of memory");
}
void flush_nothing(png_structp) {}

void take_bytes(png_structp png, png_bytep to, size_t count) {
  auto* left = static_cast<std::string_view*>(png_get_io_ptr(png));
  if (count > left->size()) png_error(png, "it is cut off");
  std::memcpy(to, left->data(), count);
  left->remove_prefix(count);
}

struct PngSize {
  png_uint_32 width, height;
  int depth, colour, channels;
};

bool encode(Codec& codec, const PngSize& size, std::vector<png_text>& text,
            std::vector<png_bytep>& rows) {
  if (setjmp(png_jmpbuf(codec.png))) return false;
  png_set_IHDR(codec.png, codec.info, size.width, size.height, size.depth, size.colour,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_text(codec.png, codec.info, text.data(), static_cast<int>(text.size()));
  png_write_info(codec.png, codec.info);
  png_write_image(codec.png, rows.data());
  png_write_end(codec.png, nullptr);
  return true;
}

// As the picture will be once expanded to 8 bits.
bool decode_header(Codec& codec, PngSize& size) {
  if (setjmp(png_jmpbuf(codec.png))) return false;
  png_read_info(codec.png, codec.info);
  png_get_IHDR(codec.png, codec.info, &size.width, &size.height, &size.depth, &size.colour, nullptr,
               nullptr, nullptr);
  png_set_expand(codec.png);
  png_set_scale_16(codec.png);
  png_set_interlace_handling(codec.png);
  png_read_update_info(codec.png, codec.info);
  size.channels = png_get_channels(codec.png, codec.info);
  return true;
}

bool decode_rows(Codec& codec, std::vector<png_bytep>& rows) {
  if (setjmp(png_jmpbuf(codec.png))) return false;
  png_read_image(codec.png, rows.data());
  png_read_end(codec.png, nullptr);
  return true;
}

std::vector<png_text> text_chunks(const PngText& text) {
  std::vector<png_text> chunks;
  for (const auto& [keyword, content] : text) {
    png_text chunk = {};
    chunk.compression = PNG_ITXT_COMPRESSION_NONE;
    chunk.key = const_cast<char*>(keyword.c_str());  // libpng copies both
    chunk.text = const_cast<char*>(content.c_str());
    chunks.push_back(chunk);
  }
  return chunks;
}

}  // namespace

std::string png_bytes(const Tensor& image, const PngText& text) {
  bool picture = image.dim() == 3 && image.scalar_type() == at::kByte && image.numel() > 0;
  require(picture && (image.size(0) == 1 || image.size(0) == 3),
          "a PNG picture is [1 or 3, H, W] of uint8, found ", to_string(image.sizes().vec()),
          " of ", c10::toString(image.scalar_type()));
  Tensor pixels = image.to(at::kCPU).permute({1, 2, 0}).contiguous();
  PngSize size{static_cast<png_uint_32>(image.size(2)), static_cast<png_uint_32>(image.size(1)), 8,
               image.size(0) == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
               static_cast<int>(image.size(0))};
  std::vector<png_text> chunks = text_chunks(text);
  std::vector<png_bytep> rows = rows_of(pixels);
  std::string bytes;
  Codec codec(true);
  require(codec.whole(), "a PNG picture cannot be written: out of memory");
  png_set_write_fn(codec.png, &bytes, append_bytes, flush_nothing);
  require(encode(codec, size, chunks, rows), "a PNG picture cannot be written: ", codec.message);
  return bytes;
}

void save_png(const std::filesystem::path& path, const Tensor& image, const PngText& text) {
  write_durably(path, png_bytes(image, text));
}

Tensor parse_png(std::string_view bytes, const std::string& place, Exit exit) {
  Codec codec(false);
  require(codec.whole(), place, ": cannot be read: out of memory");
  // Skips text and profiles. libpng would take memory for whatever length they claim: its limit
  // only warns.
  png_set_keep_unknown_chunks(codec.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_read_fn(codec.png, &bytes, take_bytes);
  PngSize size;
  std::string_view start = bytes;
  if (!decode_header(codec, size)) {
    bool begins = start.starts_with("\x89PNG");
    fail(exit, place, ": not a whole PNG picture: ", codec.message,
         begins ? "" : actual_kind(start));
  }
  require_picture_size(place, exit, size.width, size.height);
  Tensor pixels = host_tensor({size.height, size.width, size.channels}, at::kByte);
  std::vector<png_bytep> rows = rows_of(pixels);
  if (!decode_rows(codec, rows)) fail(exit, place, ": not a whole PNG picture: ", codec.message);
  return pixels.permute({2, 0, 1}).contiguous();
}

Tensor load_png(const std::filesystem::path& path, Exit exit) {
  return parse_png(read_file(path, kMostPictureBytes, exit), path.string(), exit);
}

}  // namespace diffeo
