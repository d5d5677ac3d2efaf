#include "commands/durations.h"

#include <array>
#include <charconv>
#include <string_view>

#include "config/findings.h"
#include "core/error.h"

namespace diffeo {
namespace {

constexpr double kMostSeconds = 3650 * 86400.0;

}  // namespace

std::string read_duration(const std::string& text, double& seconds) {
  constexpr std::string_view units = "dhms";
  constexpr std::array sizes{86400, 3600, 60, 1};
  std::string problem =
      joined("expected a time such as 90s, 45m or 2h30m, found '", excerpt(text), "'");
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
  if (total > kMostSeconds) return joined("expected at most 3650d, found '", excerpt(text), "'");
  seconds = total;
  return {};
}

}  // namespace diffeo
