#pragma once

#include <string>
#include <vector>

#include "config/place.h"
#include "core/range.h"

namespace diffeo {

struct YamlKey {
  std::string name;
  Place place = {};
  OnResume on_resume = OnResume::kAsSection;  // of a tree that a configuration wrote
};

// A YAML document as a plain tree: aliases are expanded to copies, tags are gone.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string text;             // of a scalar
  bool is_text = false;         // of a scalar: quoted, so a text whatever it looks like
  std::vector<YamlKey> keys;    // of a mapping, in their order
  std::vector<YamlNode> items;  // of a list, or the values of a mapping
  Place place;

  const YamlNode* find(const std::string& key) const {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].name == key) return &items[i];
    }
    return nullptr;
  }

  void add(const std::string& key, YamlNode value, OnResume change = OnResume::kAsSection) {
    keys.push_back({key, {}, change});
    items.push_back(std::move(value));
  }
};

// As a message names it: 'abc', the text "100", a list, a mapping, nothing.
std::string described(const YamlNode& node);

}  // namespace diffeo
