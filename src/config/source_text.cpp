#include "config/source_text.h"

#include "core/utf8.h"

namespace diffeo {

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
