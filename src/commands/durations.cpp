#include "commands/durations.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "config/findings.h"
#include "core/error.h"

namespace diffeo {

std::string duration_text(double seconds) {
  std::array<char, 32> text;
  if (seconds < 100) std::snprintf(text.data(), text.size(), seconds < 1 ? "%.2g s" : "%.0f s", seconds);
  else if (seconds < 6000) std::snprintf(text.data(), text.size(), "%.0f min", seconds / 60);
  else if (seconds < 360000) std::snprintf(text.data(), text.size(), "%.1f h", seconds / 3600);
  else std::snprintf(text.data(), text.size(), "%.0f days", seconds / 86400);
  return text.data();
}

std::string read_duration(const std::string& text, double& seconds) {
  constexpr std::string_view units = "dhms";
  constexpr std::array sizes{86400, 3600, 60, 1};
  std::string problem = joined("expected a time such as 90s, 45m or 2h30m, found '", excerpt(text), "'");
  double total = 0;
  size_t next_unit = 0;
  for (const char *at = text.data(), *end = at + text.size(); at != end;) {
    int64_t number = 0;
    auto [rest, error] = std::from_chars(at, end, number);
    size_t unit = rest == end ? units.npos : units.find(*rest, next_unit);
    if (error != std::errc() || number < 0 || unit == units.npos) return problem;
    total += static_cast<double>(number) * sizes[unit];
    next_unit = unit + 1;
    at = rest + 1;
  }
  if (total == 0) return problem;
  seconds = total;
  return {};
}

}  // namespace diffeo
