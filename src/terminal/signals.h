#pragma once

#include <signal.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

namespace diffeo {

// Asks a training to end early: SIGINT, SIGTERM or SIGHUP (its terminal is closed), or a limit of
// time. While it lives the first signal only sets a flag, and a second SIGINT or SIGTERM ends the
// process; one that is ignored stays ignored. Writes to a closed pipe or beyond a limit of size
// fail instead of ending the process. One at a time.
class StopRequest {
 public:
  explicit StopRequest(std::optional<double> max_seconds = {});
  ~StopRequest();  // signals act as before
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  // Nothing, or why: "SIGTERM", "the time limit".
  std::optional<std::string> reason() const;

  // Throws Exit::kStopped with the reason, if there is one.
  void poll() const;

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
  std::array<struct sigaction, kSignals.size()> before_{};
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

}  // namespace diffeo
