#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

// Warns of registers passed to a function that is not compiled for them; all here are inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

// Elementary functions of a register's worth of numbers (float or double, 16, 32 or 64 bytes), by
// GCC's and Clang's vector extensions: arithmetic and comparisons are the language's own. Every
// function is inlined into the loop that uses it and is so compiled for that loop's instruction set
// (kernels/vector_loop.h); called, it would be compiled for the build's, which passes registers
// otherwise.
//
// A lane's result does not depend on what stands in the others. exp() and sigmoid() are 0 below
// 2^-125 (double: 2^-1021) and log() takes denormal numbers for 0, whether the processor flushes
// these or not. NaN gives NaN. The numbers at the functions are their largest errors on dense grids
// over all of their range, in units in the last place.
namespace diffeo::lanes {

template <class T, int kBytes>
struct Register {
  typedef T Numbers __attribute__((vector_size(kBytes)));
};
template <class T, int kBytes>
using Lanes = typename Register<T, kBytes>::Numbers;

template <class V>
using NumberOf = std::remove_cvref_t<decltype(std::declval<V&>()[0])>;

// Integers as wide as the numbers: what a comparison gives, all bits or none.
template <class V>
using MaskOf = decltype(std::declval<V>() < std::declval<V>());

template <class V>
constexpr int64_t kCount = sizeof(V) / sizeof(NumberOf<V>);

template <class V>
[[gnu::always_inline]] inline V all(NumberOf<V> x) {
  return V{} + x;
}

template <class V>
[[gnu::always_inline]] inline V load(const NumberOf<V>* from) {
  V x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

template <class V>
[[gnu::always_inline]] inline void store(V x, NumberOf<V>* to) {
  std::memcpy(to, &x, sizeof x);
}

template <class V>
[[gnu::always_inline]] inline V where(MaskOf<V> mask, V yes, V no) {
  return mask ? yes : no;
}

template <class Mask>
[[gnu::always_inline]] inline bool any(Mask mask) {
  uint64_t words[sizeof mask / sizeof(uint64_t)], found = 0;
  std::memcpy(words, &mask, sizeof mask);
  for (uint64_t word : words) found |= word;
  return found != 0;
}

// The second where either is NaN.
template <class V>
[[gnu::always_inline]] inline V smaller(V a, V b) {
  return where<V>(a < b, a, b);
}
template <class V>
[[gnu::always_inline]] inline V larger(V a, V b) {
  return where<V>(a > b, a, b);
}

template <class V>
[[gnu::always_inline]] inline V magnitude(V x) {
  return where<V>(x < 0, -x, x);
}

template <class T>
struct Format;  // of a binary floating-point number
template <>
struct Format<float> {
  static constexpr int kDigits = 23, kBias = 127;
  static constexpr float kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;
  static constexpr float kLargestExponent = 88.7228394f, kSmallestExponent = -86.98f;
  static constexpr int kExpTerms = 7, kLogTerms = 5;
};
template <>
struct Format<double> {
  static constexpr int kDigits = 52, kBias = 1023;
  static constexpr double kLog2High = 6.93147180369123816490e-01,
                          kLog2Low = 1.90821492927058770002e-10;
  static constexpr double kLargestExponent = 709.782712893384, kSmallestExponent = -708.03;
  static constexpr int kExpTerms = 13, kLogTerms = 11;
};

// Added to a number it leaves the nearest integer in the last bits.
template <class T>
constexpr T kRounder = T(3) * (int64_t{1} << (Format<T>::kDigits - 1));

template <class V>
[[gnu::always_inline]] inline MaskOf<V> bits(V x) {
  return (MaskOf<V>)x;
}
template <class V>
[[gnu::always_inline]] inline V from_bits(MaskOf<V> x) {
  return (V)x;
}

constexpr double inverse_factorial(int n) { return n < 2 ? 1 : inverse_factorial(n - 1) / n; }

// 1 / n! + r / (n + 1)! + …, up to the power's `last`.
template <int n, int last, class V>
[[gnu::always_inline]] inline V exp_series(V r) {
  constexpr auto coefficient = static_cast<NumberOf<V>>(inverse_factorial(n));
  if constexpr (n == last) {
    return all<V>(coefficient);
  } else {
    return exp_series<n + 1, last>(r) * r + coefficient;
  }
}

// exp(x) = 2 half_power (1 + rest), |rest| below 0.42: half the power, because 2^128 is none.
template <class V>
struct SplitExp {
  V half_power, rest;
};

template <class V>
[[gnu::always_inline]] inline SplitExp<V> split_exp(V x) {
  using T = NumberOf<V>;
  using F = Format<T>;
  V rounded = x * T(1.4426950408889634) + kRounder<T>, n = rounded - kRounder<T>;
  V r = (x - n * F::kLog2High) - n * F::kLog2Low;
  MaskOf<V> power = bits(rounded) - bits(all<V>(kRounder<T>));
  return {from_bits<V>((power + (F::kBias - 1)) << F::kDigits),
          r + r * r * exp_series<2, F::kExpTerms>(r)};
}

// 1.1. In this order no product is a denormal number, and none is infinite before the result is.
template <class V>
[[gnu::always_inline]] inline V exp(V x) {
  using T = NumberOf<V>;
  auto [half, rest] = split_exp(x);
  V inside = (1 + rest) * 2 * half;
  V above =
      where<V>(x > Format<T>::kLargestExponent, all<V>(std::numeric_limits<T>::infinity()), inside);
  return where<V>(x < Format<T>::kSmallestExponent, V{}, above);
}

// exp(x) - 1: 2.
template <class V>
[[gnu::always_inline]] inline V expm1(V x) {
  using T = NumberOf<V>;
  auto [half, rest] = split_exp(x);
  V inside = (half * rest + (half - T(0.5))) * 2;
  V above =
      where<V>(x > Format<T>::kLargestExponent, all<V>(std::numeric_limits<T>::infinity()), inside);
  return where<V>(x < Format<T>::kSmallestExponent, all<V>(-1), above);
}

// 2 / (2 n + 1) + 2 s / (2 n + 3) + …
template <int n, int last, class V>
[[gnu::always_inline]] inline V log_series(V s) {
  constexpr auto coefficient = static_cast<NumberOf<V>>(2.0 / (2 * n + 1));
  if constexpr (n == last) {
    return all<V>(coefficient);
  } else {
    return log_series<n + 1, last>(s) * s + coefficient;
  }
}

// 1. With x = 2^n (1 + f), 1 + f between the roots of 1/2 and 2, log(1 + f) = 2 artanh(s), s =
// f / (2 + f), summed as FreeBSD's e_log.c does: the exact f first.
template <class V>
[[gnu::always_inline]] inline V log(V x) {
  using T = NumberOf<V>;
  using F = Format<T>;
  MaskOf<V> power = (bits(x) - bits(all<V>(T(0.70710678118654752)))) >> F::kDigits;
  V f = from_bits<V>(bits(x) - (power << F::kDigits)) - 1;
  V n = from_bits<V>(power + bits(all<V>(kRounder<T>))) - kRounder<T>;
  V s = f / (f + 2), square = s * s, half = f * f / 2;
  V series = square * log_series<1, F::kLogTerms>(square);
  V inside = n * F::kLog2High - ((half - (s * (half + series) + n * F::kLog2Low)) - f);
  constexpr T infinity = std::numeric_limits<T>::infinity();
  V outside = where<V>(x < 0, all<V>(std::numeric_limits<T>::quiet_NaN()), all<V>(-infinity));
  V above = where<V>(x < infinity, inside, x);  // infinity, NaN
  return where<V>(x < std::numeric_limits<T>::min(), outside, above);
}

// log(1 + x): 1.5.
template <class V>
[[gnu::always_inline]] inline V log1p(V x) {
  using T = NumberOf<V>;
  V sum = x + 1, lost = (x - (sum - 1)) / sum;
  MaskOf<V> inside = (sum > 0) & (sum < std::numeric_limits<T>::infinity());
  return log(sum) + where<V>(inside, lost, V{});
}

// 2.5. At 20 it is 1 in either precision.
template <class V>
[[gnu::always_inline]] inline V tanh(V x) {
  V size = magnitude(x), e = expm1(2 * where<V>(size > 20, all<V>(20), size));
  V result = e / (e + 2);
  return where<V>(x < 0, -result, result);
}

// 1 / (1 + exp(-x)): 3.
template <class V>
[[gnu::always_inline]] inline V sigmoid(V x) {
  V u = exp(-magnitude(x)), larger_half = 1 / (1 + u);
  return where<V>(x < 0, u * larger_half, larger_half);
}

}  // namespace diffeo::lanes
