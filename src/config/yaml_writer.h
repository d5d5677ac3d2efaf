#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/scalars.h"
#include "config/yaml_node.h"
#include "config/yaml_reader.h"

namespace diffeo {

inline YamlNode plain_node(std::string text) {
  return {YamlNode::Kind::kScalar, std::move(text), false, {}, {}, {}};
}
inline YamlNode text_node(std::string text) {
  return {YamlNode::Kind::kScalar, std::move(text), true, {}, {}, {}};
}

inline YamlNode node_of(bool& value) { return plain_node(value ? "true" : "false"); }
inline YamlNode node_of(int64_t& value) { return plain_node(std::to_string(value)); }
inline YamlNode node_of(double& value) { return plain_node(number_text(value)); }
inline YamlNode node_of(std::string& value) { return text_node(value); }

// The tree that reads back as the value: every field, defaults included.
template <class T>
YamlNode node_of(T& value);
template <class T>
YamlNode node_of(std::optional<T>& value);
template <class T>
YamlNode node_of(std::vector<T>& values);
template <class... Configs>
YamlNode node_of(std::variant<Configs...>& value);

// The archive that writes a struct's fields into a mapping.
class YamlWriter {
 public:
  // `standard`: what the struct says of its keys' changes.
  YamlWriter(YamlNode& map, OnResume standard) : map_(map), standard_(standard) {}

  template <class T>
  void operator()(const char* key, T& value, const char*, Range = {},
                  OnResume change = OnResume::kAsSection) {
    map_.add(key, node_of(value), change == OnResume::kAsSection ? standard_ : change);
  }

  template <class T>
  void required(const char* key, T& value, const char* doc, Range range = {},
                OnResume change = OnResume::kAsSection) {
    (*this)(key, value, doc, range, change);
  }

 private:
  YamlNode& map_;
  OnResume standard_;
};

template <class T>
void write_fields(T& value, YamlNode& map) {
  map.kind = YamlNode::Kind::kMap;
  OnResume standard = OnResume::kAsSection;
  if constexpr (requires { T::kOnResume; }) standard = T::kOnResume;
  YamlWriter writer(map, standard);
  if constexpr (requires { value.fields(writer); }) value.fields(writer);
}

template <class T>
YamlNode node_of(T& value) {
  if constexpr (NamedEnum<T>) {
    return text_node(name_of(value));
  } else if constexpr (Placed<T>) {
    return node_of(value.config);
  } else {
    YamlNode map;
    write_fields(value, map);
    return map;
  }
}

template <class T>
YamlNode node_of(std::optional<T>& value) {
  return value ? node_of(*value) : YamlNode{};
}

template <class T>
YamlNode node_of(std::vector<T>& values) {
  YamlNode list;
  list.kind = YamlNode::Kind::kList;
  for (T& value : values) list.items.push_back(node_of(value));
  return list;
}

template <class... Configs>
YamlNode node_of(std::variant<Configs...>& value) {
  YamlNode map;
  std::visit(
      [&]<class C>(C& config) {
        map.add(tag_of<std::variant<Configs...>>(), text_node(C::kType));
        write_fields(config, map);
      },
      value);
  return map;
}

}  // namespace diffeo
