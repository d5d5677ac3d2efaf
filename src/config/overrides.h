#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/findings.h"
#include "config/yaml_node.h"

namespace diffeo {

// What the command line sets: "train.steps=100", "flow[2].times=32", "flow.**.hidden=128", the
// value in YAML.
//
// They apply while the configuration is read, so that a key left at its default is met as well: the
// reader asks for every value it comes to. The last override that names a value wins, also over the
// file; where a whole section and something inside it are both overridden, the inner one stands.
class Overrides {
 public:
  Overrides(const std::vector<std::string>& texts, Findings& findings);

  // What to read at `path`: an override, or what the file has there. Ask once for each value.
  const YamlNode* at(const Path& path, const YamlNode* in_file);

  // Where the last override of something below `path` was written, or null. Patterns do not count:
  // they set what is there, and bring nothing into being.
  const Place* inside(const Path& path) const;

  // Says that what stands below `path` could not be read.
  void mark_unread(const Path& path) { unread_.push_back(path); }

  // An override that named nothing is a finding, unless it may lie in what could not be read.
  void find_unused(Findings& findings) const;

  // "flow.**.hidden=128: set 12 values", for each pattern.
  std::vector<std::string> notes() const;

 private:
  struct Override {
    std::string text;
    Path path;
    YamlNode value;
    int matches = 0;
  };

  bool may_be_unread(const Path& pattern) const;
  std::string cure(const Path& pattern) const;
  // Where else a key of this name stands: the one place, or the pattern of several in the flow.
  std::string elsewhere(const std::string& name) const;

  std::vector<Override> all_;
  std::set<std::string> seen_;       // texts of all paths asked for
  std::set<std::string> seen_last_;  // their last steps
  std::vector<Path> unread_;
};

}  // namespace diffeo
