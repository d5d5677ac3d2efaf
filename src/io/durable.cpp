#include "io/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <vector>

#include "core/error.h"
#include "io/files.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kWriteAtOnce = uint64_t{1} << 30;  // Linux writes at most 2 GiB in one call

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

[[noreturn]] void fail_to(const char* verb, const fs::path& path, int error_number) {
  fail(path.string(), ": cannot be ", verb, ": ", in_words(error_number));
}

// Tries names beside `path` until `make` succeeds on one that nobody has.
fs::path make_beside(const fs::path& path, const char* verb,
                     const std::function<bool(const fs::path&)>& make) {
  for (int attempt = 0;; ++attempt) {
    fs::path name =
        folder_of(path) / joined(".tmp-", ::getpid(), "-", attempt, "-", path.filename().string());
    if (make(name)) return name;
    if (errno != EEXIST) fail_to(verb, path, errno);
  }
}

bool rename_unless_taken(const fs::path& from, const fs::path& to) {
  struct stat status;
  if (::lstat(to.c_str(), &status) != 0) return ::rename(from.c_str(), to.c_str()) == 0;
  errno = EEXIST;
  return false;
}

// Where the bytes go: through links, and never over a device or a directory.
fs::path writable_target(const fs::path& path) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return path;
  require(!fs::is_directory(status), path.string(),
          ": is a directory, expected the name of a file");
  require(fs::is_regular_file(status), path.string(),
          ": is a pipe or a device, expected the name of a file");
  fs::path target = fs::canonical(path, error);
  if (error) fail_to("written", path, error.value());
  return target;
}

void sync_file(int file, const fs::path& path) {
  int result;
  do result = ::fsync(file);
  while (result != 0 && errno == EINTR);
  if (result != 0) fail_to("written", path, errno);
}

}  // namespace

DurableFile::DurableFile(const fs::path& path) : target_(writable_target(path)) {
  temporary_ = make_beside(target_, "written", [this](const fs::path& name) {
    file_ = Descriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    return file_.is_open();
  });
}

DurableFile::~DurableFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void DurableFile::write(const void* from, uint64_t count) {
  const char* next = static_cast<const char*>(from);
  while (count > 0) {
    ssize_t put = ::write(file_.get(), next, std::min(count, kWriteAtOnce));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_to("written", target_, errno);
    next += put;
    count -= static_cast<uint64_t>(put);
  }
}

void DurableFile::commit() {
  sync_file(file_.get(), target_);
  // After EINTR the number is closed on Linux all the same.
  if (::close(file_.release()) != 0 && errno != EINTR) fail_to("written", target_, errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_to("written", target_, errno);
  temporary_.clear();
  sync_directory(folder_of(target_));
}

void write_durably(const fs::path& path, std::string_view bytes) {
  DurableFile file(path);
  file.write(bytes);
  file.commit();
}

void sync_directory(const fs::path& directory) {
  Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) fail_to("synced", directory, errno);
  // Some network file systems answer EINVAL: they have no such operation.
  if (::fsync(opened.get()) != 0 && errno != EINVAL) fail_to("synced", directory, errno);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    fail(from.string(), ": cannot be renamed to ", to.string(), ": ", in_words(errno));
  }
  sync_directory(folder_of(to));
  if (folder_of(from) != folder_of(to)) sync_directory(folder_of(from));
}

void replace_durably(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    sync_directory(folder_of(to));
    return remove_durably(from);
  }
  remove_durably(to);
  rename_durably(from, to);
}

void remove_durably(const fs::path& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT) return;
  fs::path trash = make_beside(
      path, "removed", [&](const fs::path& name) { return rename_unless_taken(path, name); });
  sync_directory(folder_of(path));
  std::error_code error;
  fs::remove_all(trash, error);
  if (error) fail_to("removed", path, error.value());
}

fs::path make_temporary_directory(const fs::path& target) {
  return make_beside(target, "written",
                     [](const fs::path& name) { return ::mkdir(name.c_str(), 0777) == 0; });
}

void make_directories(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> missing;
  for (fs::path path = directory; !path.empty() && !fs::exists(path, error);
       path = path.parent_path()) {
    missing.push_back(path);
  }
  fs::create_directories(directory, error);
  if (error) fail_to("created", directory, error.value());
  for (const fs::path& made : missing) sync_directory(folder_of(made));
}

void remove_leftovers(const fs::path& directory) {
  for (const fs::path& leftover : entries_of(directory)) {
    if (!leftover.filename().string().starts_with(".tmp-")) continue;
    std::error_code error;
    fs::remove_all(leftover, error);
    if (error) fail_to("removed", leftover, error.value());
  }
}

}  // namespace diffeo
