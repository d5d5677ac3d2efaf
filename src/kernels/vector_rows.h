#pragma once

#include <cstddef>
#include <vector>

#include "kernels/vector_math.h"

// Ends of rows that do not fill a register, sums over the lanes, and scratch memory: what loops
// over rows of numbers need beside the functions of vector_math.h.
namespace diffeo::lanes {

// The first `count` numbers; zeros in the lanes behind.
template <class V>
[[gnu::always_inline]] inline V load_first(const NumberOf<V>* from, int64_t count) {
  if (count >= kCount<V>) return load<V>(from);
  NumberOf<V> padded[kCount<V>] = {};
  for (int64_t lane = 0; lane < count; ++lane) padded[lane] = from[lane];
  return load<V>(padded);
}

template <class V>
[[gnu::always_inline]] inline void store_first(V x, NumberOf<V>* to, int64_t count) {
  if (count >= kCount<V>) return store(x, to);
  NumberOf<V> padded[kCount<V>];
  store(x, padded);
  for (int64_t lane = 0; lane < count; ++lane) to[lane] = padded[lane];
}

// Over the lanes, halves first.
template <class V>
[[gnu::always_inline]] inline NumberOf<V> sum(V x) {
  using T = NumberOf<V>;
  if constexpr (sizeof(V) > 16) {
    using Half = Lanes<T, sizeof(V) / 2>;
    Half halves[2];
    std::memcpy(halves, &x, sizeof x);
    return sum<Half>(halves[0] + halves[1]);
  } else {
    T total = x[0];
    for (int64_t lane = 1; lane < kCount<V>; ++lane) total += x[lane];
    return total;
  }
}

// 1 / sqrt(x), for positive normal numbers, within 2 units in the last place: Newton's method from
// a guess within a few percent, an error that each step squares.
template <class V>
[[gnu::always_inline]] inline V reciprocal_sqrt(V x) {
  using T = NumberOf<V>;
  constexpr bool is_float = sizeof(T) == sizeof(float);
  constexpr int64_t magic = is_float ? 0x5f375a86 : 0x5fe6eb50c7b537a9;
  V y = from_bits<V>(static_cast<NumberOf<MaskOf<V>>>(magic) - (bits(x) >> 1));
  for (int step = 0; step < (is_float ? 3 : 4); ++step) y += y * (T(0.5) - T(0.5) * x * y * y);
  return y;
}

// Registers in memory of their own.
template <class V>
class Scratch {
 public:
  explicit Scratch(int64_t registers) : memory_(static_cast<size_t>(registers)) {}
  V* data() { return reinterpret_cast<V*>(memory_.data()); }

 private:
  struct alignas(sizeof(V)) Row {
    std::byte bytes[sizeof(V)];
  };
  std::vector<Row> memory_;
};

}  // namespace diffeo::lanes
