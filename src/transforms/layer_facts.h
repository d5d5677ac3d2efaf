#pragma once

namespace diffeo {

// What a layer's configuration says of its layer beside the fields. Each has a default; a
// configuration of which that is not true has a member of the name.
//
//   static constexpr bool kKeepsShape = false;  what goes on may have another shape
//   static constexpr bool kOnlyMoves = true;    elements change their places, never their values
//   bool samples_by_class() const;              what it makes of noise depends on a class

template <class C>
constexpr bool keeps_shape() {
  if constexpr (requires { C::kKeepsShape; }) return C::kKeepsShape;
  else return true;
}

template <class C>
constexpr bool only_moves() {
  if constexpr (requires { C::kOnlyMoves; }) return C::kOnlyMoves;
  else return false;
}

template <class C>
bool samples_by_class(const C& config) {
  if constexpr (requires { config.samples_by_class(); }) return config.samples_by_class();
  else return false;
}

}  // namespace diffeo
