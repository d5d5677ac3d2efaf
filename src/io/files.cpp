#include "io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace diffeo {
namespace {

constexpr uint64_t kReadAtOnce = uint64_t{1} << 30;  // Linux reads at most 2 GiB in one call

std::string why_not_opened(const std::filesystem::path& path, int error_number) {
  if (error_number != ENOENT) return "cannot be read: " + in_words(error_number);
  std::error_code ignored;
  if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, ignored)))
    return link_to_nothing(path);
  std::filesystem::path folder = path.parent_path();
  if (folder.empty() || std::filesystem::exists(folder, ignored)) return "no such file";
  return "no such file, the folder " + folder.string() + " does not exist either";
}

}  // namespace

void Input::read(void* to, uint64_t count, std::string_view part) {
  require(count <= remaining(), "ends within ", part, ": expected ", count, " bytes, found ",
          remaining());
  do_read(to, count, part);
}

std::string Input::read_text(uint64_t count, std::string_view part) {
  require(count <= remaining(), "ends within ", part, ": expected ", count, " bytes, found ",
          remaining());
  std::string text(count, '\0');
  do_read(text.data(), count, part);
  return text;
}

void Input::finish() { require(remaining() == 0, remaining(), " bytes too many at the end"); }

FileInput::FileInput(const std::filesystem::path& path, Exit exit) : Input(path.string(), exit) {
  // O_NONBLOCK: opening a pipe must not wait for a writer, it is refused below.
  file_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file_.is_open()) fail(why_not_opened(path, errno));
  struct stat status;
  if (::fstat(file_.get(), &status) != 0) fail("cannot be read: ", in_words(errno));
  require(!S_ISDIR(status.st_mode), "is a directory, expected a file");
  require(S_ISREG(status.st_mode), "is a pipe or a device, expected a file");
  require(status.st_size > 0, "is empty");
  remaining_ = static_cast<uint64_t>(status.st_size);
}

void FileInput::do_read(void* to, uint64_t count, std::string_view part) {
  char* next = static_cast<char*>(to);
  while (count > 0) {
    ssize_t got = ::read(file_.get(), next, std::min(count, kReadAtOnce));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot be read: ", in_words(errno));
    require(got > 0, "ends within ", part, ": it became shorter while it was read");
    next += got;
    count -= static_cast<uint64_t>(got);
    remaining_ -= static_cast<uint64_t>(got);
  }
}

void MemoryInput::do_read(void* to, uint64_t count, std::string_view) {
  if (count > 0) std::memcpy(to, bytes_.data(), count);
  bytes_.remove_prefix(count);
}

std::string read_file(const std::filesystem::path& path, uint64_t limit, Exit exit) {
  FileInput in(path, exit);
  in.require(in.remaining() <= limit, "holds ", in.remaining(), " bytes, expected at most ", limit);
  return in.read_text(in.remaining(), "the file");
}

std::string link_to_nothing(const std::filesystem::path& link) {
  std::error_code ignored;
  return "is a link to " + std::filesystem::read_symlink(link, ignored).string() +
         ", which does not exist";
}

std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory, Exit exit) {
  std::error_code error;
  std::vector<std::filesystem::path> entries;
  std::filesystem::directory_iterator next(directory, error), end;
  for (; !error && next != end; next.increment(error)) entries.push_back(next->path());
  bool is_missing =
      error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  if (error && !is_missing)
    fail(exit, directory.string(), ": cannot be read: ", in_words(error.value()));
  return entries;
}

}  // namespace diffeo
