#include "io/jpeg.h"

#include <ATen/ATen.h>
#include <jerror.h>  // after it
#include <jpeglib.h>
#include <cstdio>  // before jpeglib.h, which needs FILE

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <optional>

#include "io/elements.h"
#include "io/picture_limits.h"

// libjpeg leaves a failed call by longjmp. So each function here that calls setjmp holds nothing
// that needs a destructor and calls nothing but libjpeg; memory is taken and errors are thrown by
// its caller.

namespace diffeo {
namespace {

constexpr int kMostScans = 500;  // of a progressive picture; each costs a pass over all of it

struct Failure {
  jpeg_error_mgr manager;  // first, so that a pointer to it is one to this
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr codec) {
  auto* failure = reinterpret_cast<Failure*>(codec->err);
  codec->err->format_message(codec, failure->message);
  std::longjmp(failure->back, 1);
}

// Of libjpeg's warnings, those of lost pixels are failures. Others, as of needless bytes, leave
// a picture whole.
void take_note(j_common_ptr codec, int level) {
  constexpr std::array kLostPixels{JWRN_HIT_MARKER, JWRN_JPEG_EOF, JWRN_HUFF_BAD_CODE,
                                   JWRN_MUST_RESYNC};
  bool lost =
      std::find(kLostPixels.begin(), kLostPixels.end(), codec->err->msg_code) != kLostPixels.end();
  if (level < 0 && lost) leave(codec);
}

void limit_scans(j_common_ptr codec) {
  auto* decoder = reinterpret_cast<j_decompress_ptr>(codec);
  if (decoder->input_scan_number <= kMostScans) return;
  auto* failure = reinterpret_cast<Failure*>(codec->err);
  std::strcpy(failure->message, "more than 500 scans");
  std::longjmp(failure->back, 1);
}

// libjpeg's state for one picture.
struct Decoder {
  Decoder() {
    codec.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = leave;
    failure.manager.emit_message = take_note;
    progress.progress_monitor = limit_scans;
  }
  ~Decoder() { jpeg_destroy_decompress(&codec); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  jpeg_decompress_struct codec = {};
  Failure failure = {};
  jpeg_progress_mgr progress = {};
};

bool decode_header(Decoder& decoder, std::string_view bytes) {
  if (setjmp(decoder.failure.back)) return false;
  jpeg_create_decompress(&decoder.codec);
  decoder.codec.progress = &decoder.progress;
  jpeg_mem_src(&decoder.codec, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&decoder.codec, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&decoder.codec, TRUE);
  return true;
}

bool decode_rows(Decoder& decoder, unsigned char* pixels, size_t row_bytes) {
  if (setjmp(decoder.failure.back)) return false;
  jpeg_start_decompress(&decoder.codec);
  while (decoder.codec.output_scanline < decoder.codec.output_height) {
    JSAMPROW row = pixels + decoder.codec.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder.codec, &row, 1);
  }
  jpeg_finish_decompress(&decoder.codec);
  return true;
}

// Numbers of a TIFF structure in the byte order it names. What lies beyond the end is 0.
class Tiff {
 public:
  explicit Tiff(std::string_view bytes) : bytes_(bytes), little_(bytes.starts_with("II")) {}

  uint32_t number(size_t at, size_t size) const {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      size_t place = at + (little_ ? size - 1 - i : i);
      value = value << 8 | (place < bytes_.size() ? static_cast<unsigned char>(bytes_[place]) : 0);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

// The orientation in the first directory of EXIF data, 1 to 8 (Exif 2.3, section 4.6.4.A); 1, which
// is upright, where there is none.
int orientation_in(std::string_view exif) {
  constexpr uint32_t kOrientation = 0x0112, kEntryBytes = 12;
  constexpr std::string_view kExif("Exif\0\0", 6);
  if (!exif.starts_with(kExif)) return 1;
  Tiff tiff(exif.substr(kExif.size()));
  uint32_t directory = tiff.number(4, 4), entries = tiff.number(directory, 2);
  for (uint32_t i = 0; i < entries; ++i) {
    size_t entry = size_t{directory} + 2 + size_t{i} * kEntryBytes;
    if (tiff.number(entry, 2) != kOrientation) continue;
    uint32_t value = tiff.number(entry + 8, 2);
    return 1 <= value && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int orientation_of(const jpeg_decompress_struct& codec) {
  for (jpeg_saved_marker_ptr marker = codec.marker_list; marker; marker = marker->next) {
    std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (int found = orientation_in(data); found != 1) return found;
  }
  return 1;
}

// [C, H, W] as the camera stored it -> upright.
Tensor upright(const Tensor& picture, int orientation) {
  // From 5 on, rows and columns are exchanged; what is flipped then.
  Tensor turned = orientation >= 5 ? picture.transpose(1, 2) : picture;
  bool flips_rows = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  bool flips_columns = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  if (flips_rows) turned = turned.flip(1);
  return flips_columns ? turned.flip(2) : turned;
}

}  // namespace

bool begins_as_jpeg(std::string_view bytes) { return bytes.starts_with("\xff\xd8\xff"); }

Tensor parse_jpeg(std::string_view bytes, const std::string& place, Exit exit) {
  Decoder decoder;
  if (!decode_header(decoder, bytes))
    fail(exit, place, ": not a whole JPEG picture: ", decoder.failure.message);
  jpeg_decompress_struct& codec = decoder.codec;
  require_picture_size(place, exit, codec.image_width, codec.image_height);
  bool four = codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK;
  require(!four, exit, place, ": is CMYK, as for print, expected grey or RGB; convert it first");
  bool grey = codec.jpeg_color_space == JCS_GRAYSCALE;
  codec.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  int64_t channels = grey ? 1 : 3;
  int orientation = orientation_of(codec);  // decoding forgets the markers
  Tensor pixels = host_tensor({codec.image_height, codec.image_width, channels}, at::kByte);
  if (!decode_rows(decoder, pixels.mutable_data_ptr<uint8_t>(), codec.image_width * channels))
    fail(exit, place, ": not a whole JPEG picture: ", decoder.failure.message);
  return upright(pixels.permute({2, 0, 1}), orientation).contiguous();
}

}  // namespace diffeo
