#include "config/source_text.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/error.h"

namespace diffeo {
namespace {

constexpr size_t kMostBytes = 1 << 20;

// Length of the UTF-8 character at `at`, 0 where there is none (RFC 3629: no overlong forms, no surrogates).
size_t utf8_length(const std::string& text, size_t at) {
  auto byte = [&](size_t i) -> unsigned { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0; };
  auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xBF) { return low <= byte(i) && byte(i) <= high; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (0xC2 <= first && first <= 0xDF) return follows(1) ? 2 : 0;
  if (0xE0 <= first && first <= 0xEF) {
    return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  }
  if (0xF0 <= first && first <= 0xF4) {
    return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

constexpr const char* kTooLarge = "larger than 1 MiB, which no configuration is";

}  // namespace

std::string read_source(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail(Exit::kUsage, path, ": is a folder, expected a YAML file");
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(Exit::kUsage, path, ": cannot be read: ", std::strerror(errno));
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMostBytes) fail(Exit::kUsage, path, ": ", kTooLarge);
  return text;
}

void check_source(const std::string& text, const Place& start, Findings& findings) {
  Place place = start;
  if (text.size() > kMostBytes) findings.stop(place, {}, kTooLarge);
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
