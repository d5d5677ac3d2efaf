#include "core/memory.h"

#include <array>
#include <cstdio>
#include <new>
#include <regex>

#include "core/error.h"

namespace diffeo {

std::string bytes_text(double bytes) {
  constexpr std::array units{"bytes", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < units.size(); ++unit) bytes /= 1000;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text.data();
}

// LibTorch's allocators tell the two apart only by their text.
std::string memory_asked_for(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error)) return "more than there is";
  static const std::regex on_host("DefaultCPUAllocator: .*tried to allocate ([0-9]+) bytes");
  static const std::regex on_device("out of memory. Tried to allocate ([0-9.]+ [A-Za-z]+)");
  const std::string text = error.what();
  std::smatch found;
  if (std::regex_search(text, found, on_host)) return bytes_text(std::stod(found[1]));
  if (std::regex_search(text, found, on_device)) return found[1];
  return text.find("out of memory") != std::string::npos ? "more than there is" : "";
}

void within_memory(const std::string& doing, const std::string& cure,
                   const std::function<void()>& action) {
  std::string asked;
  try {
    return action();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    asked = memory_asked_for(error);
    if (asked.empty()) throw;
  }
  fail(Exit::kMemory, "out of memory ", doing, ": asked for ", asked, "; ", cure);
}

}  // namespace diffeo
