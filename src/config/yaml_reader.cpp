#include "config/yaml_reader.h"

#include <algorithm>

namespace diffeo {

Place Reading::place(const YamlNode* node, const Path& path) const {
  if (node) return node->place;
  const Place* inside = overrides.inside(path);
  return inside ? *inside : Place{};
}

void Reading::give_up(const YamlNode* node, const Path& path, const std::string& what) {
  findings.add(place(node, path), path, what);
  overrides.mark_unread(path);
}

void Reading::misfit(const YamlNode* node, const Path& path, const std::string& problem) {
  Place where = place(node, path);
  const Place* inside = overrides.inside(path);
  findings.add(where, path,
               problem + (inside && where.origin.empty() ? " (" + inside->origin + ")" : ""));
}

bool Reading::is_list(const YamlNode& node, const Path& path) {
  if (node.kind == YamlNode::Kind::kList) return true;
  give_up(&node, path, "expected a list, found " + described(node));
  return false;
}

bool Reading::is_map(const YamlNode& node, const Path& path, const std::string& wanted) {
  if (node.kind == YamlNode::Kind::kMap) return true;
  give_up(&node, path, "expected " + wanted + ", found " + described(node));
  return false;
}

std::optional<size_t> Reading::choice(const YamlNode& node, const Path& path,
                                      const std::string& what,
                                      const std::vector<std::string>& choices) {
  auto found = std::find(choices.begin(), choices.end(), node.text);
  if (node.kind == YamlNode::Kind::kScalar && found != choices.end())
    return found - choices.begin();
  if (node.kind == YamlNode::Kind::kScalar) {
    findings.add(
        node.place, path,
        "unknown " + what + " '" + excerpt(node.text) + "', " + advice(node.text, choices));
  } else {
    findings.add(node.place, path, advice("", choices) + "; found " + described(node));
  }
  return std::nullopt;
}

YamlReader::YamlReader(Reading& reading, const YamlNode* node, Path path, const char* type,
                       const char* tag)
    : reading_(reading),
      node_(node),
      path_(std::move(path)),
      of_type_(type ? std::string(" of ") + type : "") {
  if (tag) known_.push_back(tag);
}

const YamlNode* YamlReader::take(const char* key) {
  known_.push_back(key);
  return reading_.overrides.at(path_ / key, node_ ? node_->find(key) : nullptr);
}

void YamlReader::miss(const char* key, const char* doc) {
  if (!reading_.given(node_, path_) && !path_.empty()) return;
  reading_.findings.add(reading_.place(node_, path_), path_,
                        std::string("missing key '") + key + "'" + of_type_ + " (" + doc + ")");
}

void YamlReader::find_unknown_keys() const {
  for (size_t i = 0; node_ && i < node_->keys.size(); ++i) {
    const YamlKey& key = node_->keys[i];
    if (std::find(known_.begin(), known_.end(), key.name) != known_.end()) continue;
    reading_.findings.add(
        key.place, path_,
        "unknown key '" + excerpt(key.name) + "'" + of_type_ + ", " + advice(key.name, known_));
  }
}

}  // namespace diffeo
