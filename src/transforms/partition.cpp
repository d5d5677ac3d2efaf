#include "transforms/partition.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

using Halves = std::pair<Tensor, Tensor>;

// Exchanges the two halves in odd rows, which turns columns into a checkerboard and back.
Halves exchange_odd_rows(const Halves& halves) {
  Tensor first = halves.first.clone(), second = halves.second.clone();
  first.slice(2, 1, std::nullopt, 2).copy_(halves.second.slice(2, 1, std::nullopt, 2));
  second.slice(2, 1, std::nullopt, 2).copy_(halves.first.slice(2, 1, std::nullopt, 2));
  return {first, second};
}

Halves halves_of(Split kind, const Tensor& x) {
  if (kind == Split::kChannel) {
    int64_t leading = (x.size(1) + 1) / 2;
    return {x.narrow(1, 0, leading), x.narrow(1, leading, x.size(1) - leading)};
  }
  if (kind == Split::kEvenOdd)
    return {x.slice(1, 0, std::nullopt, 2), x.slice(1, 1, std::nullopt, 2)};
  Halves columns{x.slice(3, 0, std::nullopt, 2), x.slice(3, 1, std::nullopt, 2)};
  return kind == Split::kColumns ? columns : exchange_odd_rows(columns);
}

// The first half may have one channel more.
Tensor interleaved_channels(const Halves& halves) {
  auto [even, odd] = halves;
  int64_t pairs = odd.size(1);
  Tensor whole = at::stack({even.narrow(1, 0, pairs), odd}, 2).flatten(1, 2);
  return even.size(1) == pairs ? whole : at::cat({whole, even.narrow(1, pairs, 1)}, 1);
}

Tensor whole_of(Split kind, const Halves& halves) {
  if (kind == Split::kChannel) return at::cat({halves.first, halves.second}, 1);
  if (kind == Split::kEvenOdd) return interleaved_channels(halves);
  auto [even, odd] = kind == Split::kColumns ? halves : exchange_odd_rows(halves);
  return at::stack({even, odd}, 4).flatten(3);
}

}  // namespace

std::pair<Tensor, Tensor> Partition::split(const Tensor& x) const {
  auto [first, second] = halves_of(kind, x);
  return keep == Keep::kFirst ? std::pair{first, second} : std::pair{second, first};
}

Tensor Partition::merge(const Tensor& kept, const Tensor& changed) const {
  return whole_of(kind, keep == Keep::kFirst ? Halves{kept, changed} : Halves{changed, kept});
}

std::pair<Shape, Shape> Partition::shapes(const Shape& input) const {
  if (kind == Split::kChannel || kind == Split::kEvenOdd) {
    require(input[0] >= 2, "split: a ", name_of(kind), " split needs at least two channels, got ",
            to_string(input));
  } else {
    require(input.size() == 3 && input[2] % 2 == 0, "split: a ", name_of(kind),
            " split needs an image of even width, got ", to_string(input));
  }
  auto [kept, changed] = split(at::empty(batched(1, input), at::kMeta));
  return {event_shape(kept), event_shape(changed)};
}

}  // namespace diffeo
