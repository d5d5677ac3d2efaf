#include "config/source_text.h"

namespace diffeo {
namespace {

// Length of the UTF-8 character at `at`, 0 where there is none (RFC 3629: no overlong forms, no
// surrogates).
size_t utf8_length(const std::string& text, size_t at) {
  auto byte = [&](size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return low <= byte(i) && byte(i) <= high;
  };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (0xC2 <= first && first <= 0xDF) return follows(1) ? 2 : 0;
  if (0xE0 <= first && first <= 0xEF) {
    return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3
                                                                                              : 0;
  }
  if (0xF0 <= first && first <= 0xF4) {
    return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) &&
                   follows(3)
               ? 4
               : 0;
  }
  return 0;
}

}  // namespace

void check_source(const std::string& text, const Place& start, Findings& findings) {
  Place place = start;
  if (text.size() > kMostSourceBytes)
    findings.stop(place, {}, "larger than 1 MiB, which no configuration is");
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    findings.stop(place, {}, "UTF-16; save the file as UTF-8");
  }
  for (size_t at = 0, length = 0; at < text.size(); at += length) {
    length = utf8_length(text, at);
    if (text[at] == '\0') findings.stop(place, {}, "a NUL byte; expected text in UTF-8");
    if (length == 0) findings.stop(place, {}, "not UTF-8; save the file as UTF-8");
    bool ends_line = text[at] == '\n';
    place.line += ends_line;
    place.column = ends_line ? 1 : place.column + 1;
  }
}

}  // namespace diffeo
