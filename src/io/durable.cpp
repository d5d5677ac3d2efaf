#include "io/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "io/files.h"
#include "io/shortcomings.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kWriteAtOnce = uint64_t{1} << 30;  // Linux writes at most 2 GiB in one call
constexpr int kMostLinks = 40;                        // that Linux itself follows in one path
constexpr const char* kTemporary = ".tmp-";
constexpr const char* kSetAside = ".old-";

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
    fs::path name = folder_of(path) / joined(kTemporary, ::getpid(), "-", attempt);
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

// The name that a chain of links ends in, whether or not there is anything.
fs::path without_links(fs::path path) {
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, error)); ++links) {
    if (links == kMostLinks) fail_to("written", path, ELOOP);
    path = path.parent_path() / fs::read_symlink(path, error);
    if (error) fail_to("written", path, error.value());
  }
  return path;
}

// Where the bytes go: through links, and never over a device or a directory.
fs::path writable_target(const fs::path& path) {
  fs::path target = without_links(path);
  std::error_code error;
  fs::file_status status = fs::status(target, error);
  if (!fs::exists(status)) return target;
  require(!fs::is_directory(status), path.string(),
          ": is a directory, expected the name of a file");
  require(fs::is_regular_file(status), path.string(),
          ": is a pipe or a device, expected the name of a file");
  return target;
}

void sync(int file, const char* verb, const fs::path& path, Shortcoming kind) {
  int result;
  do result = ::fsync(file);
  while (result != 0 && errno == EINTR);
  if (result == 0) return;
  if (!is_unsupported(errno)) fail_to(verb, path, errno);
  note_shortcoming(kind, path, errno);
}

void remove_all_there_is(const fs::path& path) {
  std::error_code ignored;  // what stays is removed with the leftovers
  fs::remove_all(path, ignored);
}

// Whether two names could be exchanged. Not every file system can do it, and it takes something at
// both.
bool exchange(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno != ENOENT && !is_unsupported(errno)) fail_to("replaced", to, errno);
  return false;
}

// Renames `to` to `aside` and `from` to `to`; an error leaves all as it was, as far as the system
// lets it.
void rename_over(const fs::path& from, const fs::path& to, const fs::path& aside) {
  struct stat status;
  bool is_there = ::lstat(to.c_str(), &status) == 0;
  if (is_there) {
    remove_all_there_is(aside);
    if (::rename(to.c_str(), aside.c_str()) != 0) fail_to("replaced", to, errno);
  }
  if (::rename(from.c_str(), to.c_str()) == 0) return;
  int error_number = errno;
  if (is_there) (void)::rename(aside.c_str(), to.c_str());
  fail_to("replaced", to, error_number);
}

// Brings back what rename_over() had set aside, if it got no further.
void put_back(const fs::path& aside) {
  fs::path name =
      folder_of(aside) / aside.filename().string().substr(std::string_view(kSetAside).size());
  std::error_code error;
  if (!fs::exists(fs::symlink_status(name, error))) return rename_durably(aside, name);
  fs::remove_all(aside, error);
  if (error) fail_to("removed", aside, error.value());
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
  sync(opened.get(), "synced", directory, Shortcoming::kFolderSync);
}

void sync_file(int file, const fs::path& path) {
  sync(file, "written", path, Shortcoming::kFileSync);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    fail(from.string(), ": cannot be renamed to ", to.string(), ": ", in_words(errno));
  }
  sync_directory(folder_of(to));
  if (folder_of(from) != folder_of(to)) sync_directory(folder_of(from));
}

void replace_durably(const fs::path& from, const fs::path& to) {
  fs::path old = from;  // where the old one is once the new one stands
  try {
    if (!exchange(from, to)) {
      old = folder_of(to) / (kSetAside + to.filename().string());
      rename_over(from, to, old);
    }
  } catch (...) {
    remove_all_there_is(from);
    throw;
  }
  sync_directory(folder_of(to));  // before this is certain, the old one is kept
  remove_all_there_is(old);
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

void write_directory_durably(const fs::path& target,
                             const std::function<void(const fs::path&)>& fill) {
  fs::path temporary = make_temporary_directory(target);
  try {
    fill(temporary);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
  replace_durably(temporary, target);
}

void make_directories(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> missing;
  for (fs::path path = directory; !path.empty() && !fs::exists(path, error);
       path = path.parent_path()) {
    if (fs::is_symlink(fs::symlink_status(path, error)))
      fail(path.string(), ": ", link_to_nothing(path), "; make that folder or name another");
    missing.push_back(path);
  }
  fs::create_directories(directory, error);
  if (error) fail_to("created", directory, error.value());
  for (const fs::path& made : missing) sync_directory(folder_of(made));
}

void remove_leftovers(const fs::path& directory) {
  for (const fs::path& leftover : entries_of(directory)) {
    std::string name = leftover.filename().string();
    if (name.starts_with(kSetAside)) put_back(leftover);
    if (!name.starts_with(kTemporary)) continue;
    std::error_code error;
    fs::remove_all(leftover, error);
    if (error) fail_to("removed", leftover, error.value());
  }
}

}  // namespace diffeo
