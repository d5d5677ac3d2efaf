#include "terminal/signals.h"

#include <atomic>

#include "core/error.h"

namespace diffeo {
namespace {

// A handler can reach nothing else, and it may run in any thread.
std::atomic<int> stop_signal = 0;  // the first that asked
std::atomic<bool> save_requested = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a handler must not wait for a lock");

extern "C" void remember_signal(int number) {
  if (number == SIGUSR1) {
    save_requested = true;
    return;
  }
  int none = 0;
  stop_signal.compare_exchange_strong(none, number);
  if (number == SIGINT) ::signal(SIGINT, SIG_DFL);
}

const char* name_of_signal(int number) {
  switch (number) {
    case SIGINT: return "SIGINT";
    case SIGTERM: return "SIGTERM";
    case SIGHUP: return "SIGHUP";
    case SIGUSR2: return "SIGUSR2";
    default: return "SIGXCPU (the limit of processor time)";
  }
}

}  // namespace

void StopRequest::listen() {
  stop_signal = 0;
  save_requested = false;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    bool asks = kSignals[i] != SIGPIPE && kSignals[i] != SIGXFSZ;
    struct sigaction action = {};
    action.sa_handler = asks ? remember_signal : SIG_IGN;
    action.sa_flags = SA_RESTART;
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
  listens_ = true;
}

void StopRequest::release() {
  if (!listens_) return;
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  listens_ = false;
}

std::optional<std::string> StopRequest::reason() const {
  if (listens_ && stop_signal != 0) return name_of_signal(stop_signal);
  std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
  if (max_seconds_ && passed.count() >= *max_seconds_) return "the time limit";
  return std::nullopt;
}

void StopRequest::poll() const {
  if (auto why = reason()) fail(Exit::kStopped, "stopped by ", *why);
}

bool StopRequest::take_save_request() { return listens_ && save_requested.exchange(false); }

}  // namespace diffeo
