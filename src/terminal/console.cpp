#include "terminal/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace diffeo {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kPlainSeconds = 10;
constexpr const char* kEraseLine = "\r\x1b[2K";

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// "[=====>    ] ", or nothing where there is no room for it.
std::string bar(const Progress& progress, int64_t width) {
  if (width < 10 || progress.steps == 0) return {};
  int64_t inside = std::min<int64_t>(width - 3, 40);
  int64_t done = inside * progress.step / progress.steps;
  std::string filled(static_cast<size_t>(done), '='),
      empty(static_cast<size_t>(inside - done), ' ');
  return "[" + filled + empty + "] ";
}

}  // namespace

std::string span_text(double seconds) {
  int64_t whole = std::llround(seconds);
  if (whole < 100) return joined(whole, " s");
  if (whole < 6000) return joined((whole + 30) / 60, " min");
  return joined(whole / 3600, " h ", whole % 3600 / 60, " min");
}

std::string progress_text(const Progress& progress) {
  std::string text = joined(progress.what, " ", progress.step, "/", progress.steps);
  if (!progress.value.empty()) text += "  " + progress.value;
  double rate = progress.examples_per_second;
  if (rate > 0) {
    text += joined("  ", rate < 10 ? std::round(rate * 10) / 10 : std::round(rate), " ",
                   progress.examples, "/s");
  }
  return text + "  " + span_text(progress.seconds_left) + " left";
}

bool Console::is_time(double seconds) const {
  return !last_ ||
         std::chrono::steady_clock::now() - *last_ >= std::chrono::duration<double>(seconds);
}

int64_t Console::columns() const {
  struct winsize size = {};
  bool known = ::ioctl(::fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

void Console::clear() {
  if (!bar_stands_) return;
  std::fputs(kEraseLine, out_);
  std::fflush(out_);
  bar_stands_ = false;
}

void Console::line(const std::string& text) {
  clear();
  std::fputs((text + "\n").c_str(), out_);
  std::fflush(out_);
}

void Console::warning(const std::string& text) {
  line((colour_ ? "\x1b[33mwarning:\x1b[0m " : "warning: ") + text);
}

void Console::show(const Progress& progress) {
  if (!is_time(kind_ == Kind::kTerminal ? kRedrawSeconds : kPlainSeconds)) return;
  last_ = std::chrono::steady_clock::now();
  std::string text = progress_text(progress);
  if (kind_ == Kind::kPlain) return line(text);
  int64_t room = columns() - 1;
  text = bar(progress, room - static_cast<int64_t>(text.size())) + text;
  std::fputs((kEraseLine + text.substr(0, static_cast<size_t>(room))).c_str(), out_);
  std::fflush(out_);
  bar_stands_ = true;
}

Console::Kind standard_error_kind() {
  const char* terminal = std::getenv("TERM");
  bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return ::isatty(STDERR_FILENO) && !dumb ? Console::Kind::kTerminal : Console::Kind::kPlain;
}

bool standard_error_has_colour() {
  return standard_error_kind() == Console::Kind::kTerminal && !is_set("NO_COLOR");
}

}  // namespace diffeo
