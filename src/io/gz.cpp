#include "io/gz.h"

#include <zlib.h>

#include <algorithm>

namespace diffeo {
namespace {

constexpr uint64_t kBlock = uint64_t{1} << 16;
constexpr uint64_t kUnpackedAtOnce = uint64_t{1} << 30;  // zlib counts in 32 bits
constexpr uint64_t kMostPerByte = 1032;  // a match of 258 bytes takes at least two bits
constexpr uint64_t kMostPending = uint64_t{1} << 16;  // unpacked, but not handed out yet
constexpr Bytef kFirstByte = 0x1f;                    // of a member
constexpr int kGzipOnly = 16 + MAX_WBITS;

}  // namespace

struct GzInput::Inflater {
  z_stream stream = {};
  bool ended = false;
};

GzInput::GzInput(std::unique_ptr<Input> packed)
    : Input(packed->place(), packed->exit()),
      packed_(std::move(packed)),
      inflater_(std::make_unique<Inflater>()) {
  require(inflateInit2(&inflater_->stream, kGzipOnly) == Z_OK, "cannot be unpacked: out of memory");
}

GzInput::~GzInput() { inflateEnd(&inflater_->stream); }

uint64_t GzInput::remaining() const {
  if (inflater_->ended) return 0;
  return (packed_->remaining() + inflater_->stream.avail_in) * kMostPerByte + kMostPending;
}

// Whether packed bytes are left; then zlib has some to work on.
bool GzInput::has_packed() {
  z_stream& stream = inflater_->stream;
  if (stream.avail_in == 0 && packed_->remaining() > 0) {
    block_ = packed_->read_text(std::min(packed_->remaining(), kBlock), "the gzip file");
    stream.next_in = reinterpret_cast<Bytef*>(block_.data());
    stream.avail_in = static_cast<uInt>(block_.size());
  }
  return stream.avail_in > 0;
}

void GzInput::begin_next_member() {
  inflater_->ended = !has_packed() || *inflater_->stream.next_in != kFirstByte;
  if (!inflater_->ended) inflateReset(&inflater_->stream);
}

// Up to `count` bytes, fewer only where the last member ends. It may end without giving a byte.
uint64_t GzInput::unpack(char* to, uint64_t count) {
  z_stream& stream = inflater_->stream;
  stream.next_out = reinterpret_cast<Bytef*>(to);
  stream.avail_out = static_cast<uInt>(count);
  while (stream.avail_out > 0 && !inflater_->ended) {
    require(has_packed(), "the gzip file is cut off");
    int result = inflate(&stream, Z_NO_FLUSH);
    require(result == Z_OK || result == Z_STREAM_END,
            "not a whole gzip file: ", stream.msg == nullptr ? "cannot be unpacked" : stream.msg);
    if (result == Z_STREAM_END) begin_next_member();
  }
  return count - stream.avail_out;
}

void GzInput::do_read(void* to, uint64_t count, std::string_view part) {
  char* next = static_cast<char*>(to);
  for (uint64_t left = count; left > 0;) {
    uint64_t got = unpack(next, std::min(left, kUnpackedAtOnce));
    require(got > 0, "unpacked, ends within ", part, ": expected ", count, " bytes, found ",
            count - left);
    next += got;
    left -= got;
  }
}

void GzInput::finish() {
  char more;
  require(unpack(&more, 1) == 0, "unpacked, holds more than expected");
  z_stream& stream = inflater_->stream;
  uint64_t left = stream.avail_in + packed_->remaining();
  for (; has_packed(); stream.avail_in = 0) {
    bool padding = std::all_of(stream.next_in, stream.next_in + stream.avail_in,
                               [](Bytef byte) { return byte == 0; });
    require(padding, left, " bytes too many after the packed ones");
  }
}

std::unique_ptr<Input> open_unpacked(const std::filesystem::path& path, Exit exit) {
  FileInput probe(path, exit);
  bool packed = probe.remaining() > 2 && probe.read_text(2, "the start") == "\x1f\x8b";
  auto file = std::make_unique<FileInput>(path, exit);
  if (packed) return std::make_unique<GzInput>(std::move(file));
  return file;
}

}  // namespace diffeo
