#include "inference/name_pattern.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>

namespace diffeo {
namespace {

const std::string kLast = "{last}";

using Numbers = std::vector<std::string>;

// What the stars stand for, or nothing where the name does not match. A star takes all digits that
// there are, so nothing is ever taken back.
std::optional<Numbers> numbers_in(const std::string& name, const std::string& pattern) {
  Numbers numbers;
  size_t at = 0;
  for (char c : pattern) {
    if (c == '*') {
      size_t first = at;
      while (at < name.size() && std::isdigit(static_cast<unsigned char>(name[at]))) ++at;
      if (at == first) return {};
      numbers.push_back(name.substr(first, at - first));
    } else if (at == name.size() || name[at++] != c) {
      return {};
    }
  }
  return at == name.size() ? std::optional(numbers) : std::nullopt;
}

bool is_smaller(const std::string& a, const std::string& b) {
  return std::pair(a.size(), a) < std::pair(b.size(), b);
}

}  // namespace

std::vector<std::string> matching(const std::string& pattern,
                                  const std::vector<std::string>& names) {
  std::vector<std::pair<Numbers, std::string>> found;
  for (const std::string& name : names) {
    if (auto numbers = numbers_in(name, pattern)) found.emplace_back(*numbers, name);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::lexicographical_compare(a.first.begin(), a.first.end(), b.first.begin(),
                                        b.first.end(), is_smaller);
  });
  std::vector<std::string> sorted;
  for (auto& [numbers, name] : found) sorted.push_back(std::move(name));
  return sorted;
}

std::string with_last_number(const std::string& pattern, const std::vector<std::string>& names) {
  size_t place = pattern.find(kLast);
  if (place == std::string::npos) return pattern;
  std::string any = pattern;
  any.replace(place, kLast.size(), "*");
  auto star = static_cast<size_t>(std::count(any.begin(), any.begin() + place, '*'));
  std::string largest;
  for (const std::string& name : matching(any, names)) {
    std::string number = numbers_in(name, any)->at(star);
    if (largest.empty() || is_smaller(largest, number)) largest = number;
  }
  return largest.empty() ? pattern : any.replace(place, 1, largest);
}

}  // namespace diffeo
