#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace diffeo {

// Spelling of an enum in YAML. Specialise with a constexpr array named `names`.
template <class E>
struct EnumNames;

template <class E>
concept NamedEnum = requires { EnumNames<E>::names; };

template <NamedEnum E>
std::string name_of(E value) {
  for (auto [name, candidate] : EnumNames<E>::names) {
    if (candidate == value) return name;
  }
  fail("an enum value without a name");
}

}  // namespace diffeo
