#include "terminal/signals.h"

#include "core/error.h"

namespace diffeo {
namespace {

// A handler can reach nothing else.
volatile sig_atomic_t signal_received = 0;

extern "C" void remember_signal(int number) {
  signal_received = number;
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
}

}  // namespace

StopRequest::StopRequest(std::optional<double> max_seconds) {
  using Clock = std::chrono::steady_clock;
  if (max_seconds) {
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(*max_seconds));
  }
  signal_received = 0;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    bool asks = kSignals[i] == SIGINT || kSignals[i] == SIGTERM || kSignals[i] == SIGHUP;
    struct sigaction action = {};
    action.sa_handler = asks ? remember_signal : SIG_IGN;
    action.sa_flags = SA_RESTART;
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

StopRequest::~StopRequest() {
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

std::optional<std::string> StopRequest::reason() const {
  if (signal_received == SIGINT) return "SIGINT";
  if (signal_received == SIGTERM) return "SIGTERM";
  if (signal_received == SIGHUP) return "SIGHUP";
  if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) return "the time limit";
  return std::nullopt;
}

void StopRequest::poll() const {
  if (auto why = reason()) fail(Exit::kStopped, "stopped by ", *why);
}

}  // namespace diffeo
