#pragma once

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

namespace diffeo {

// How far a work of many steps is.
struct Progress {
  const char* what = "step";
  int64_t step = 0, steps = 0;
  std::string value = {};          // "3.412 bits/dim"; empty: not known yet
  double examples_per_second = 0;  // 0: not known yet
  std::string examples = {};       // "images"
  double seconds_left = 0;         // at the speed so far
};

// "step 1200/20000  3.412 bits/dim  512 images/s  12 min left"
std::string progress_text(const Progress& progress);

// "12 min", "2 h 5 min": a time that is left or has passed.
std::string span_text(double seconds);

// Where people read along. On a terminal the progress is a bar that is redrawn at most ten times a
// second and gives way to lines; elsewhere it is a plain line every ten seconds, so that logs stay
// short but never silent.
class Console {
 public:
  enum class Kind { kTerminal, kPlain };

  Console(std::FILE* out, Kind kind, bool colour) : out_(out), kind_(kind), colour_(colour) {}
  ~Console() { clear(); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void line(const std::string& text);
  void warning(const std::string& text);  // "warning: …", yellow where colours are wanted
  void show(const Progress& progress);
  void clear();  // takes the bar away

 private:
  bool is_time(double seconds) const;
  int64_t columns() const;

  std::FILE* out_;
  Kind kind_;
  bool colour_;
  bool bar_stands_ = false;
  std::optional<std::chrono::steady_clock::time_point> last_;
};

// What standard error is: a terminal unless it is a file, a pipe or TERM=dumb; in colours unless
// NO_COLOR is set.
Console::Kind standard_error_kind();
bool standard_error_has_colour();

}  // namespace diffeo
