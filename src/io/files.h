#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "io/descriptor.h"

namespace diffeo {

// Bytes read once, front to back. Every reader of this folder takes an Input: a file, a compressed
// file or memory. Readers compare sizes with remaining() before they allocate. All errors carry the
// place and the exit.
class Input {
 public:
  virtual ~Input() = default;

  // Bytes still to come; where the input is compressed, no more than this.
  virtual uint64_t remaining() const = 0;

  // Exactly `count` bytes of what the reader calls `part`; fewer left is an error.
  void read(void* to, uint64_t count, std::string_view part);
  std::string read_text(uint64_t count, std::string_view part);
  template <class T>
  T read_value(std::string_view part) {  // a number as this machine stores it
    T value;
    read(&value, sizeof value, part);
    return value;
  }

  // Refuses whatever is left.
  virtual void finish();

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    diffeo::fail(exit_, place_, ": ", parts...);
  }
  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    if (!condition) fail(parts...);
  }
  const std::string& place() const { return place_; }
  Exit exit() const { return exit_; }

 protected:
  Input(std::string place, Exit exit) : place_(std::move(place)), exit_(exit) {}

 private:
  virtual void do_read(void* to, uint64_t count, std::string_view part) = 0;

  std::string place_;
  Exit exit_;
};

// A regular file that holds at least one byte. Its size is fixed when it is opened.
class FileInput final : public Input {
 public:
  explicit FileInput(const std::filesystem::path& path, Exit exit = Exit::kData);
  uint64_t remaining() const override { return remaining_; }

 private:
  void do_read(void* to, uint64_t count, std::string_view part) override;

  Descriptor file_;
  uint64_t remaining_ = 0;
};

// Does not own the bytes.
class MemoryInput final : public Input {
 public:
  MemoryInput(std::string place, std::string_view bytes, Exit exit = Exit::kData)
      : Input(std::move(place), exit), bytes_(bytes) {}
  uint64_t remaining() const override { return bytes_.size(); }

 private:
  void do_read(void* to, uint64_t count, std::string_view part) override;

  std::string_view bytes_;
};

// The whole file, refused where it holds more than `limit` bytes.
std::string read_file(const std::filesystem::path& path, uint64_t limit, Exit exit = Exit::kData);

// What to say of a link whose target does not exist: "is a link to /scratch, which does not exist".
std::string link_to_nothing(const std::filesystem::path& link);

// The paths of what stands in a directory, in no order; nothing where there is no such directory.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory,
                                              Exit exit = Exit::kFailed);

}  // namespace diffeo
