#pragma once

#include <ranges>
#include <sstream>
#include <string>

namespace diffeo {

// The items of a range, each as a stream prints it, with `between` two of them and `last`, where it
// is given, before the last one.
template <std::ranges::forward_range Range>
std::string listed(Range&& items, const char* between = ", ", const char* last = nullptr) {
  std::ostringstream text;
  auto end = std::ranges::end(items);
  for (auto item = std::ranges::begin(items); item != end; ++item) {
    bool is_first = item == std::ranges::begin(items), is_last = std::ranges::next(item) == end;
    if (!is_first) text << (is_last && last ? last : between);
    text << *item;
  }
  return text.str();
}

// In a sentence: "a", "a and b", "a, b and c".
template <std::ranges::forward_range Range>
std::string listed_in_words(Range&& items) {
  return listed(items, ", ", " and ");
}

}  // namespace diffeo
