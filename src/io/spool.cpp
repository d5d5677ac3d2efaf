#include "io/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/error.h"

namespace diffeo {
namespace {

constexpr uint64_t kAtOnce = uint64_t{1} << 20;

[[noreturn]] void fail_beside(const std::filesystem::path& path, int error_number) {
  fail(path.string(), ": what waits for it beside it cannot be kept: ", in_words(error_number));
}

}  // namespace

Spool::Spool(const std::filesystem::path& beside) : beside_(beside) {
  std::filesystem::path folder = make_temporary_directory(beside);
  file_ =
      Descriptor(::open((folder / "spool").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  int error = errno;
  // An open file lives on without its name.
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (!file_.is_open()) fail_beside(beside_, error);
}

void Spool::write(const void* from, uint64_t count) {
  const char* next = static_cast<const char*>(from);
  while (count > 0) {
    ssize_t put = ::write(file_.get(), next, std::min(count, kAtOnce));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_beside(beside_, errno);
    next += put;
    count -= static_cast<uint64_t>(put);
  }
}

void Spool::move_into(DurableFile& file) {
  std::vector<char> piece(kAtOnce);
  if (::lseek(file_.get(), 0, SEEK_SET) != 0) fail_beside(beside_, errno);
  for (;;) {
    ssize_t got = ::read(file_.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_beside(beside_, errno);
    if (got == 0) return;
    file.write(piece.data(), static_cast<uint64_t>(got));
  }
}

}  // namespace diffeo
