#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "config/findings.h"
#include "config/overrides.h"
#include "config/scalars.h"
#include "config/yaml_node.h"
#include "core/enums.h"
#include "core/range.h"

namespace diffeo {

// The key that tells a variant's alternatives apart.
template <class Variant>
constexpr const char* tag_of() {
  using First = std::variant_alternative_t<0, Variant>;
  if constexpr (requires { First::kTag; }) {
    return First::kTag;
  } else {
    return "type";
  }
}

// A configuration that remembers where it was written: Layer.
template <class T>
concept Placed = requires(T t) {
  t.config;
  t.place;
};

// What one reading works on.
struct Reading {
  Findings& findings;
  Overrides& overrides;

  // Whether the file or the command line says anything of `path`. `node`: what is to be read there,
  // or null.
  bool given(const YamlNode* node, const Path& path) const {
    return node || overrides.inside(path);
  }
  Place place(const YamlNode* node, const Path& path) const;

  // The value cannot be read, nor can what is inside it.
  void give_up(const YamlNode* node, const Path& path, const std::string& what);

  // The members of a struct do not fit each other.
  void misfit(const YamlNode* node, const Path& path, const std::string& problem);

  bool is_list(const YamlNode& node, const Path& path);
  bool is_map(const YamlNode& node, const Path& path, const std::string& wanted);

  // Position of the scalar among the choices; a finding where it is none of them. `what`: "type".
  std::optional<size_t> choice(const YamlNode& node, const Path& path, const std::string& what,
                               const std::vector<std::string>& choices);
};

// How to read one value.
struct Expected {
  Range range = {};
  bool has_default = true;  // so a variant may be given without its tag
};

// Reads `node` into `value`, or leaves it and adds what is wrong to the findings. A null node
// leaves the value, but for the overrides inside it.
template <class T>
void read_value(Reading& reading, const YamlNode* node, const Path& path, const Expected& expected,
                T& value);

// The archive that reads a mapping into a struct's fields. A key that is absent keeps the member's
// value; a key that no field asks for is a finding.
class YamlReader {
 public:
  // `node`: the mapping, or null where there is none. `type`: the struct's kType, or null. `tag`: a
  // key read before.
  YamlReader(Reading& reading, const YamlNode* node, Path path, const char* type, const char* tag);

  template <class T>
  void operator()(const char* key, T& value, const char*, Range range = {},
                  OnResume = OnResume::kAsSection) {
    read_value(reading_, take(key), path_ / key, {range, true}, value);
  }

  template <class T>
  void required(const char* key, T& value, const char* doc, Range range = {},
                OnResume = OnResume::kAsSection) {
    const YamlNode* node = take(key);
    if (!reading_.given(node, path_ / key)) return miss(key, doc);
    read_value(reading_, node, path_ / key, {range, false}, value);
  }

  void find_unknown_keys() const;

 private:
  const YamlNode* take(const char* key);
  void miss(const char* key, const char* doc);

  Reading& reading_;
  const YamlNode* node_;
  Path path_;
  std::string of_type_;  // " of actnorm", or empty
  std::vector<std::string> known_;
};

template <NamedEnum E>
void read_enum(Reading& reading, const YamlNode& node, const Path& path, E& value) {
  std::vector<std::string> names;
  for (auto [name, candidate] : EnumNames<E>::names) names.push_back(name);
  if (auto choice = reading.choice(node, path, "value", names))
    value = EnumNames<E>::names[*choice].second;
}

template <class T>
void read_struct(Reading& reading, const YamlNode* node, const Path& path, const char* tag,
                 T& value) {
  if (node && !reading.is_map(*node, path, "a mapping")) return;
  const char* type = nullptr;
  if constexpr (requires { T::kType; }) type = T::kType;
  size_t before = reading.findings.size();
  YamlReader reader(reading, node, path, type, tag);
  if constexpr (requires { value.fields(reader); }) value.fields(reader);
  reader.find_unknown_keys();
  if constexpr (requires { value.problem(); }) {
    std::string problem = reading.findings.size() == before ? value.problem() : "";
    if (!problem.empty()) reading.misfit(node, path, problem);
  }
}

template <class T>
void read_members(Reading& reading, const YamlNode* node, const Path& path, const Expected&,
                  T& value) {
  read_struct(reading, node, path, nullptr, value);
}

template <class T>
void read_members(Reading& reading, const YamlNode* node, const Path& path,
                  const Expected& expected, std::optional<T>& value) {
  if (!reading.given(node, path)) return;
  bool none = node && node->kind == YamlNode::Kind::kNull;
  value.reset();
  if (!none) read_value(reading, node, path, {expected.range, false}, value.emplace());
}

template <class T>
void read_members(Reading& reading, const YamlNode* node, const Path& path,
                  const Expected& expected, std::vector<T>& values) {
  if (node && !reading.is_list(*node, path)) return;
  if (node) values.assign(node->items.size(), T{});
  for (size_t i = 0; i < values.size(); ++i) {
    const YamlNode* item = reading.overrides.at(path[i], node ? &node->items[i] : nullptr);
    read_value(reading, item, path[i], {expected.range, !node}, values[i]);
  }
}

template <class... Configs>
void read_members(Reading& reading, const YamlNode* node, const Path& path,
                  const Expected& expected, std::variant<Configs...>& value) {
  const std::string tag = tag_of<std::variant<Configs...>>();
  const std::vector<std::string> types{Configs::kType...};
  if (node && !reading.is_map(*node, path, "a mapping with the key '" + tag + "'")) return;
  const YamlNode* name = reading.overrides.at(path / tag, node ? node->find(tag) : nullptr);
  if (name) {
    auto choice = reading.choice(*name, path / tag, tag, types);
    if (!choice) return reading.overrides.mark_unread(path);
    size_t i = 0;
    ((i++ == *choice ? void(value = Configs{}) : void()), ...);
  } else if (!expected.has_default) {
    return reading.give_up(node, path, "missing key '" + tag + "', " + advice("", types));
  }
  std::visit([&](auto& config) { read_struct(reading, node, path, tag.c_str(), config); }, value);
}

template <class T>
void read_value(Reading& reading, const YamlNode* node, const Path& path, const Expected& expected,
                T& value) {
  if constexpr (NamedEnum<T>) {
    if (node) read_enum(reading, *node, path, value);
  } else if constexpr (requires { read_scalar(*node, expected.range, value); }) {
    std::string problem = node ? read_scalar(*node, expected.range, value) : "";
    if (!problem.empty()) reading.findings.add(node->place, path, problem);
  } else if constexpr (Placed<T>) {
    value.place = reading.place(node, path).named(reading.findings.file()) + ": " + path.text();
    read_value(reading, node, path, expected, value.config);
  } else {
    read_members(reading, node, path, expected, value);
  }
}

}  // namespace diffeo
