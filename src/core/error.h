#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace diffeo {

// What the process answers its caller with.
enum class Exit {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,       // the command line or the configuration
  kData = 3,        // data missing or bad
  kCheckpoint = 4,  // checkpoint missing or bad
  kDiverged = 5,    // a loss or gradient is not finite
  kMemory = 6,      // out of memory
  kStopped = 75,    // stopped by a signal or a time limit, with a checkpoint to resume
};

// The one exception this program throws. The message is complete: it names the place, what was
// expected and what was found, so callers only print it.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, Exit exit = Exit::kFailed)
      : std::runtime_error(message), exit_(exit) {}
  Exit exit() const { return exit_; }

 private:
  Exit exit_;
};

template <class... Parts>
std::string joined(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  return message.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(joined(parts...));
}

template <class... Parts>
[[noreturn]] void fail(Exit exit, const Parts&... parts) {
  throw Error(joined(parts...), exit);
}

template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) fail(parts...);
}

}  // namespace diffeo
