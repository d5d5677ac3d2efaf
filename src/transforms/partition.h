#pragma once

#include <utility>

#include "core/enums.h"
#include "core/shape.h"

namespace diffeo {

enum class Split { kChannel, kEvenOdd, kCheckerboard, kColumns };
template <>
struct EnumNames<Split> {
  static constexpr std::array names{
      std::pair{"channel", Split::kChannel}, std::pair{"even_odd", Split::kEvenOdd},
      std::pair{"checkerboard", Split::kCheckerboard}, std::pair{"columns", Split::kColumns}};
};

enum class Keep { kFirst, kSecond };
template <>
struct EnumNames<Keep> {
  static constexpr std::array names{std::pair{"first", Keep::kFirst},
                                    std::pair{"second", Keep::kSecond}};
};

// Divides an example into the half a coupling keeps and the half it changes; merge() undoes
// split().
// First are: of channels the leading half (the larger, when they are odd), or those of even index,
// counted from 0; of columns the even ones, of a checkerboard the cells where row + column is even.
// Image halves are packed: [C, H, W/2].
struct Partition {
  Split kind;
  Keep keep = Keep::kFirst;

  std::pair<Tensor, Tensor> split(const Tensor& x) const;
  Tensor merge(const Tensor& kept, const Tensor& changed) const;

  // Of both halves of an example. Throws where the example cannot be split so.
  std::pair<Shape, Shape> shapes(const Shape& input) const;
};

}  // namespace diffeo
