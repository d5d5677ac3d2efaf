#pragma once

#include <string>
#include <vector>

#include "config/yaml_writer.h"
#include "core/enums.h"
#include "core/range.h"

namespace diffeo {

struct FieldInfo;

// What a configuration may hold in one place, gathered from fields(), for the schema and the
// reference.
struct TypeInfo {
  enum class Kind {
    kBool,
    kInteger,
    kNumber,
    kText,
    kEnum,
    kOptional,
    kList,
    kStruct,
    kVariant,
    kLayer
  };
  Kind kind = Kind::kStruct;
  std::vector<std::string> names;  // of an enum
  std::string tag;                 // of a variant: the key that tells its alternatives apart
  std::string name;                // of a struct: its kType, if any
  std::string doc;                 // of a struct
  std::vector<FieldInfo> fields;   // of a struct
  std::vector<TypeInfo>
      inside;  // of an optional or a list: its element; of a variant: its alternatives
};

struct FieldInfo {
  std::string key;
  std::string doc;
  Range range;  // of the number, or of the numbers in the list
  bool required;
  YamlNode standard;  // the default, of a field that is not required
  TypeInfo type;
};

template <class T>
TypeInfo type_info();

// The archive that lists a struct's fields.
class TypeReader {
 public:
  explicit TypeReader(std::vector<FieldInfo>& fields) : fields_(fields) {}

  template <class T>
  void operator()(const char* key, T& value, const char* doc, Range range = {},
                  OnResume = OnResume::kAsSection) {
    fields_.push_back({key, doc, range, false, node_of(value), type_info<T>()});
  }

  template <class T>
  void required(const char* key, T&, const char* doc, Range range = {},
                OnResume = OnResume::kAsSection) {
    fields_.push_back({key, doc, range, true, {}, type_info<T>()});
  }

 private:
  std::vector<FieldInfo>& fields_;
};

template <class T>
TypeInfo struct_info() {
  TypeInfo info;
  if constexpr (requires { T::kType; }) info.name = T::kType;
  if constexpr (requires { T::kDoc; }) info.doc = T::kDoc;
  T value;
  TypeReader reader(info.fields);
  if constexpr (requires { value.fields(reader); }) value.fields(reader);
  return info;
}

inline TypeInfo of_kind(TypeInfo::Kind kind, std::vector<TypeInfo> inside = {}) {
  TypeInfo info;
  info.kind = kind;
  info.inside = std::move(inside);
  return info;
}

inline TypeInfo info_of(bool*) { return of_kind(TypeInfo::Kind::kBool); }
inline TypeInfo info_of(int64_t*) { return of_kind(TypeInfo::Kind::kInteger); }
inline TypeInfo info_of(double*) { return of_kind(TypeInfo::Kind::kNumber); }
inline TypeInfo info_of(std::string*) { return of_kind(TypeInfo::Kind::kText); }

template <class T>
TypeInfo info_of(std::optional<T>*) {
  return of_kind(TypeInfo::Kind::kOptional, {type_info<T>()});
}

template <class T>
TypeInfo info_of(std::vector<T>*) {
  return of_kind(TypeInfo::Kind::kList, {type_info<T>()});
}

template <class... Configs>
TypeInfo info_of(std::variant<Configs...>*) {
  TypeInfo info = of_kind(TypeInfo::Kind::kVariant, {struct_info<Configs>()...});
  info.tag = tag_of<std::variant<Configs...>>();
  return info;
}

template <class T>
TypeInfo info_of(T*) {
  if constexpr (NamedEnum<T>) {
    TypeInfo info = of_kind(TypeInfo::Kind::kEnum);
    for (auto [name, value] : EnumNames<T>::names) info.names.push_back(name);
    return info;
  } else if constexpr (Placed<T>) {
    return of_kind(
        TypeInfo::Kind::
            kLayer);  // its alternatives stand apart: lists of layers hold lists of layers
  } else {
    return struct_info<T>();
  }
}

template <class T>
TypeInfo type_info() {
  return info_of(static_cast<T*>(nullptr));
}

}  // namespace diffeo
