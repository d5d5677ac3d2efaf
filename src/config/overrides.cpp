#include "config/overrides.h"

#include <algorithm>

#include "config/strict_yaml.h"
#include "core/error.h"

namespace diffeo {

Overrides::Overrides(const std::vector<std::string>& texts, Findings& findings) {
  for (const std::string& text : texts) {
    Place place{.origin = joined("command line: ", excerpt(text))};
    size_t equals = std::min(text.find('='), text.size());
    std::optional<Path> path = Path::parse(text.substr(0, equals));
    if (!path || equals == text.size()) {
      findings.add(
          place, {},
          "expected KEY=VALUE, such as train.steps=1000, flow[2].times=32 or flow.**.hidden=128");
      continue;
    }
    all_.push_back({text, *path, parse_yaml(text.substr(equals + 1), place, findings)});
  }
}

const YamlNode* Overrides::at(const Path& path, const YamlNode* in_file) {
  if (all_.empty()) return in_file;
  seen_.insert(path.text());
  seen_last_.insert(path.last());
  const YamlNode* found = in_file;
  for (Override& override : all_) {
    if (!override.path.matches(path)) continue;
    ++override.matches;
    found = &override.value;
  }
  return found;
}

const Place* Overrides::inside(const Path& path) const {
  auto found = std::find_if(all_.rbegin(), all_.rend(), [&](const Override& override) {
    return !override.path.is_pattern() && override.path.matches_inside(path);
  });
  return found == all_.rend() ? nullptr : &found->value.place;
}

void Overrides::find_unused(Findings& findings) const {
  for (const Override& override : all_) {
    if (override.matches > 0 || may_be_unread(override.path)) continue;
    findings.add(override.value.place, {}, "nothing has this name" + cure(override.path));
  }
}

bool Overrides::may_be_unread(const Path& pattern) const {
  return std::any_of(unread_.begin(), unread_.end(),
                     [&](const Path& path) { return pattern.matches_inside(path); });
}

std::string Overrides::elsewhere(const std::string& name) const {
  std::vector<std::string> places;
  for (const std::string& text : seen_)
    if (text.ends_with("." + name)) places.push_back(text);
  if (places.size() == 1) return places[0];
  bool in_flow = std::all_of(places.begin(), places.end(),
                             [](const std::string& text) { return text.starts_with("flow["); });
  return in_flow && !places.empty() ? "flow.**." + name : "";
}

std::string Overrides::cure(const Path& pattern) const {
  size_t edits = likely_edits(pattern.last());
  std::string near;
  if (pattern.is_pattern()) {
    near = nearest(pattern.last(), {seen_last_.begin(), seen_last_.end()}, edits);
    if (!near.empty()) near = pattern.with_last(near).text();
  } else {
    near = nearest(pattern.text(), {seen_.begin(), seen_.end()}, edits);
    if (near.empty()) near = elsewhere(pattern.last());
  }
  return near.empty() ? "" : ", did you mean '" + near + "'?";
}

std::vector<std::string> Overrides::notes() const {
  std::vector<std::string> notes;
  for (const Override& override : all_) {
    if (!override.path.is_pattern()) continue;
    const char* values = override.matches == 1 ? " value" : " values";
    notes.push_back(joined(excerpt(override.text), ": set ", override.matches, values));
  }
  return notes;
}

}  // namespace diffeo
