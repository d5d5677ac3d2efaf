#include "faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdarg>

namespace {

const diffeo::Fault* active = nullptr;
int calls = 0, refused = 0;

// Whether this call is to fail; errno is set then.
bool fails(const char* call) {
  if (!active || active->call != call) return false;
  int number = calls++;
  if (number != active->at && !(active->from_then_on && number > active->at)) return false;
  ++refused;
  errno = active->error_number;
  return true;
}

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

bool is_folder(int file) {
  struct stat status;
  return ::fstat(file, &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

// These stand before the C library's, for all of this process.
extern "C" {

int open(const char* path, int flags, ...) {
  static auto* real = next<int(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails("open") ? -1 : real(path, flags, mode);
}

ssize_t write(int file, const void* bytes, size_t count) {
  static auto* real = next<ssize_t(int, const void*, size_t)>("write");
  return fails("write") ? -1 : real(file, bytes, count);
}

int fsync(int file) {
  static auto* real = next<int(int)>("fsync");
  if (fails(active && is_folder(file) ? "sync_folder" : "fsync")) return -1;
  return active ? 0 : real(file);
}

int close(int file) {
  static auto* real = next<int(int)>("close");
  int result = real(file);
  return fails("close") ? -1 : result;
}

int flock(int file, int operation) noexcept {
  static auto* real = next<int(int, int)>("flock");
  return fails("flock") ? -1 : real(file, operation);
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* real = next<int(const char*, mode_t)>("mkdir");
  return fails("mkdir") ? -1 : real(path, mode);
}

int rename(const char* from, const char* to) noexcept {
  static auto* real = next<int(const char*, const char*)>("rename");
  return fails("rename") ? -1 : real(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  static auto* real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  if (fails("exchange")) return -1;
  if (active && !active->can_exchange) {
    errno = ENOSYS;
    return -1;
  }
  return real(from_folder, from, to_folder, to, flags);
}

int unlink(const char* path) noexcept {
  static auto* real = next<int(const char*)>("unlink");
  return fails("unlink") ? -1 : real(path);
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  static auto* real = next<int(int, const char*, int)>("unlinkat");
  return fails("unlink") ? -1 : real(folder, path, flags);
}

}  // extern "C"

namespace diffeo {

FaultyDisk::FaultyDisk(const Fault& fault) : fault_(fault) {
  calls = refused = 0;
  active = &fault_;
}
FaultyDisk::~FaultyDisk() { active = nullptr; }
bool FaultyDisk::struck() const { return refused > 0; }

}  // namespace diffeo
