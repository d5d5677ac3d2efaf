#include "io/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/error.h"
#include "io/shortcomings.h"

namespace diffeo {
namespace {

constexpr size_t kMaxHolder = 320;  // a host name has at most 255 letters

std::string this_process() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) return joined("process ", ::getpid());
  return joined("process ", ::getpid(), " on ", host);
}

std::string holder_in(int file) {
  std::string text(kMaxHolder, '\0');
  ssize_t got = ::pread(file, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text.empty() ? "its name is not known" : text;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& directory) {
  std::filesystem::path path = directory / ".lock";
  file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file_.is_open()) fail(path.string(), ": cannot be written: ", in_words(errno));
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (is_unsupported(errno)) {
      note_shortcoming(Shortcoming::kLock, path, errno);
      return;
    }
    if (errno != EWOULDBLOCK) fail(path.string(), ": cannot be locked: ", in_words(errno));
    fail(Exit::kUsage, directory.string(), ": another process is writing here (",
         holder_in(file_.get()), "); wait for its end or choose another directory");
  }
  std::string holder = this_process();
  bool written =
      ::ftruncate(file_.get(), 0) == 0 &&
      ::pwrite(file_.get(), holder.data(), holder.size(), 0) == static_cast<ssize_t>(holder.size());
  if (!written) fail(path.string(), ": cannot be written: ", in_words(errno));
}

}  // namespace diffeo
