#pragma once

#include <signal.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

namespace diffeo {

// Why a training should end early, or save on the way: a signal, or a limit of time. A batch system
// announces the end of a job by SIGTERM, SIGUSR2 or SIGXCPU, often more than once, and a closed
// terminal by SIGHUP: however many come, they ask once. SIGINT asks too, and the second one ends
// the process at once, because a user who presses Ctrl-C again does not want to wait. SIGUSR1 asks
// for a checkpoint only.
class StopRequest {
 public:
  StopRequest() = default;
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  // From now on signals ask instead of ending the process, and writes to a closed pipe or beyond a
  // limit of size fail instead of ending it. What the parent lets this process ignore (nohup does
  // SIGHUP) stays ignored. One object listens at a time.
  void listen();

  // Signals act as before listen(). Not at the end of this object's life: one that comes while the
  // process is leaving must not change what it answers its caller.
  void release();

  // Asks when so many seconds have passed since this object was made.
  void limit(double seconds) { max_seconds_ = seconds; }

  // Nothing, or what asked first: "SIGTERM", "the time limit".
  std::optional<std::string> reason() const;

  // Throws Exit::kStopped with the reason, if there is one.
  void poll() const;

  // Whether SIGUSR1 came since this was last called.
  bool take_save_request();

 private:
  static constexpr std::array kSignals{SIGINT,  SIGTERM, SIGHUP,  SIGUSR1,
                                       SIGUSR2, SIGXCPU, SIGPIPE, SIGXFSZ};
  std::array<struct sigaction, kSignals.size()> before_{};
  bool listens_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::optional<double> max_seconds_;
};

}  // namespace diffeo
