#include "train/signals.h"

#include <signal.h>

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

void handle(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, nullptr);
}

void handle_both(void (*handler)(int)) {
  for (int number : {SIGINT, SIGTERM}) handle(number, handler);
}

}  // namespace

StopRequest::StopRequest(std::optional<double> max_seconds) {
  using Clock = std::chrono::steady_clock;
  if (max_seconds) {
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*max_seconds));
  }
  signal_received = 0;
  handle_both(remember_signal);
}

StopRequest::~StopRequest() { handle_both(SIG_DFL); }

std::optional<std::string> StopRequest::reason() const {
  if (signal_received == SIGINT) return "SIGINT";
  if (signal_received == SIGTERM) return "SIGTERM";
  if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) return "the time limit";
  return std::nullopt;
}

void StopRequest::poll() const {
  if (auto why = reason()) fail(Exit::kStopped, "stopped by ", *why);
}

}  // namespace diffeo
