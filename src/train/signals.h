#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace diffeo {

// Asks a training to end early: SIGINT or SIGTERM, or a limit of time. While it lives the signals only set a flag, and
// the second one acts as it would without this program's doing. One at a time.
class StopRequest {
 public:
  explicit StopRequest(std::optional<double> max_seconds = {});
  ~StopRequest();  // both signals act as usual again
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  // Nothing, or why: "SIGTERM", "the time limit".
  std::optional<std::string> reason() const;

  // Throws Exit::kStopped with the reason, if there is one.
  void poll() const;

 private:
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

}  // namespace diffeo
