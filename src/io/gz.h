#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/files.h"

namespace diffeo {

// What a gzip file holds, unpacked as it is read: the members one after another (RFC 1952, 2.2),
// then nothing but zeros, with which tapes and some object stores fill up. Each member's length and
// checksum are verified, the last one's by finish(). remaining() follows from the most that deflate
// can pack into a byte, so a reader that compares it with what a header claims allocates no more
// than that multiple of the packed file.
class GzInput final : public Input {
 public:
  explicit GzInput(std::unique_ptr<Input> packed);
  ~GzInput() override;
  GzInput(const GzInput&) = delete;
  GzInput& operator=(const GzInput&) = delete;

  uint64_t remaining() const override;
  void finish() override;

 private:
  struct Inflater;

  void do_read(void* to, uint64_t count, std::string_view part) override;
  uint64_t unpack(char* to, uint64_t count);
  bool has_packed();
  void begin_next_member();

  std::unique_ptr<Input> packed_;
  std::string block_;  // packed bytes that zlib is working on
  std::unique_ptr<Inflater> inflater_;
};

// A file as it is, or unpacked where it begins as gzip files do.
std::unique_ptr<Input> open_unpacked(const std::filesystem::path& path, Exit exit = Exit::kData);

}  // namespace diffeo
