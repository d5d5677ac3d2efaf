#include "config/path.h"

#include <algorithm>

#include "core/error.h"
namespace diffeo {
namespace {

using Step = std::vector<std::string>::const_iterator;

bool steps_match(Step pattern, Step pattern_end, Step path, Step path_end) {
  if (pattern == pattern_end) return path == path_end;
  if (*pattern == "**") {
    return steps_match(pattern + 1, pattern_end, path, path_end) ||
           (path != path_end && steps_match(pattern, pattern_end, path + 1, path_end));
  }
  return path != path_end && *pattern == *path &&
         steps_match(pattern + 1, pattern_end, path + 1, path_end);
}

bool is_key(const std::string& step) {
  return !step.empty() && step.find_first_of(" \t[]{}=:'\"*") == std::string::npos;
}

bool is_index(const std::string& step) {
  return step.size() >= 3 && step.size() <= 10 && step.front() == '[' && step.back() == ']' &&
         std::all_of(step.begin() + 1, step.end() - 1, [](char c) { return '0' <= c && c <= '9'; });
}

}  // namespace

std::optional<Path> Path::parse(const std::string& text) {
  Path path;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find_first_of(".[", at + (text[at] == '[')), text.size());
    std::string step = text.substr(at, end - at);
    if (step != "**" && !is_key(step) && (path.empty() || !is_index(step))) return std::nullopt;
    path.steps_.push_back(step);
    at = end + (end == text.size() || text[end] == '.');
  }
  return path;
}

Path Path::operator/(const std::string& key) const {
  Path path = *this;
  path.steps_.push_back(key);
  return path;
}

Path Path::operator[](size_t index) const { return *this / joined("[", index, "]"); }

bool Path::is_pattern() const {
  return std::find(steps_.begin(), steps_.end(), "**") != steps_.end();
}

Path Path::with_last(const std::string& step) const {
  Path path = *this;
  path.steps_.back() = step;
  return path;
}

bool Path::matches(const Path& path) const {
  return steps_match(steps_.begin(), steps_.end(), path.steps_.begin(), path.steps_.end());
}

bool Path::matches_inside(const Path& path) const {
  for (size_t i = 0; i < path.steps_.size(); ++i) {
    if (i < steps_.size() && steps_[i] == "**") return true;
    if (i >= steps_.size() || steps_[i] != path.steps_[i]) return false;
  }
  return steps_.size() > path.steps_.size();
}

std::string Path::text() const {
  std::string text;
  for (const std::string& step : steps_) text += (text.empty() || step[0] == '[' ? "" : ".") + step;
  return text;
}

}  // namespace diffeo
