#pragma once

#include <optional>
#include <string>
#include <vector>

namespace diffeo {

// The way from the top of a configuration to a value: flow[3].net.hidden. In a pattern, ** stands
// for any steps or for none.
class Path {
 public:
  Path() = default;

  // Reads "train.steps", "flow[2].times", "flow.**.hidden".
  static std::optional<Path> parse(const std::string& text);

  Path operator/(const std::string& key) const;
  Path operator[](size_t index) const;

  bool empty() const { return steps_.empty(); }
  bool is_pattern() const;
  const std::string& last() const { return steps_.back(); }
  Path with_last(const std::string& step) const;

  bool matches(const Path& path) const;  // `this`, a pattern, names `path`
  bool matches_inside(
      const Path& path) const;  // `this`, a pattern, may name something below `path`
  std::string text() const;

 private:
  std::vector<std::string> steps_;  // "train", "[2]", "**"
};

}  // namespace diffeo
