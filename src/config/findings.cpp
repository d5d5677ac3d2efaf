#include "config/findings.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/listed.h"

namespace diffeo {
namespace {

constexpr size_t kMostTold = 50;
constexpr size_t kLongestExcerpt = 60;

// Levenshtein's distance.
size_t edits_between(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      size_t swapped = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({swapped, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void Findings::add(const Place& place, const Path& path, const std::string& what) {
  if (place.origin.empty() && !told_.emplace(place.line, place.column, what).second) return;
  all_.push_back({place, path, what});
}

void Findings::refuse() const {
  if (!all_.empty()) throw_all();
}

void Findings::stop(const Place& place, const Path& path, const std::string& what) {
  add(place, path, what);
  throw_all();
}

void Findings::throw_all() const {
  std::vector<Finding> sorted = all_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Finding& a, const Finding& b) {
    auto rank = [](const Place& p) {
      return p.origin.empty() ? std::tuple(0, p.line, p.column) : std::tuple(1, 0, 0);
    };
    return rank(a.place) < rank(b.place);
  });
  std::string text;
  for (size_t i = 0; i < std::min(sorted.size(), kMostTold); ++i) {
    const Finding& f = sorted[i];
    text += joined(i ? "\n" : "", f.place.named(file_), ": ", f.path.text(),
                   f.path.empty() ? "" : ": ", f.what);
  }
  if (sorted.size() > kMostTold) text += joined("\n... and ", sorted.size() - kMostTold, " more");
  fail(Exit::kUsage, text);
}

std::string excerpt(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    bool starts_character = (text[i] & 0xC0) != 0x80;
    if (starts_character && result.size() >= kLongestExcerpt) return result + "...";
    auto byte = static_cast<unsigned char>(text[i]);
    const char* hex = "0123456789abcdef";
    if (byte < 0x20 || byte == 0x7F) {
      result += std::string("\\x") + hex[byte / 16] + hex[byte % 16];
    } else {
      result += text[i];
    }
  }
  return result;
}

size_t likely_edits(const std::string& word) { return (word.size() + 1) / 3; }

std::string nearest(const std::string& found, const std::vector<std::string>& choices,
                    size_t most_edits) {
  if (found.size() > 2 * kLongestExcerpt) return {};
  size_t least = most_edits + 1;
  std::string best;
  for (const std::string& choice : choices) {
    size_t edits = edits_between(found, choice);
    if (edits < least) std::tie(least, best) = std::tuple(edits, choice);
  }
  return best;
}

std::string advice(const std::string& found, const std::vector<std::string>& choices) {
  std::string near = nearest(found, choices, likely_edits(found));
  if (!near.empty()) return "did you mean '" + near + "'?";
  return (choices.size() == 1 ? "expected " : "expected one of: ") + listed(choices);
}

}  // namespace diffeo
