// The elementary functions of registers against libm's in long double, for every instruction set.

#include "kernels/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/vector_loop.h"
#include "kernels/vector_rows.h"
#include "kernels_support.h"

namespace diffeo {
namespace {

struct Exp {
  template <class V>
  [[gnu::always_inline]] static V of(V x) {
    return lanes::exp(x);
  }
  static long double exact(long double x) { return std::exp(x); }
};

struct Expm1 {
  template <class V>
  [[gnu::always_inline]] static V of(V x) {
    return lanes::expm1(x);
  }
  static long double exact(long double x) { return std::expm1(x); }
};

struct Log {
  template <class V>
  [[gnu::always_inline]] static V of(V x) {
    return lanes::log(x);
  }
  static long double exact(long double x) { return std::log(x); }
};

struct Log1p {
  template <class V>
  [[gnu::always_inline]] static V of(V x) {
    return lanes::log1p(x);
  }
  static long double exact(long double x) { return std::log1p(x); }
};

struct Tanh {
  template <class V>
  [[gnu::always_inline]] static V of(V x) {
    return lanes::tanh(x);
  }
  static long double exact(long double x) { return std::tanh(x); }
};

struct Sigmoid {
  template <class V>
  [[gnu::always_inline]] static V of(V x) {
    return lanes::sigmoid(x);
  }
  static long double exact(long double x) { return 1 / (1 + std::exp(-x)); }
};

struct ReciprocalSqrt {
  template <class V>
  [[gnu::always_inline]] static V of(V x) {
    return lanes::reciprocal_sqrt(x);
  }
  static long double exact(long double x) { return 1 / std::sqrt(x); }
};

template <class T, class Function>
struct Loop {
  const T* in;
  T* out;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    for (int64_t i = begin; i < end; i += lanes::kCount<V>)
      lanes::store(Function::of(lanes::load<V>(in + i)), out + i);
  }
};

constexpr int64_t kWidest = 16;  // lanes

template <class Function, class T>
std::vector<T> evaluated(InstructionSet set, std::vector<T> points) {
  size_t count = points.size();
  points.resize((count + kWidest - 1) / kWidest * kWidest);
  std::vector<T> values(points.size());
  run_loop(set, Loop<T, Function>{points.data(), values.data()}, 0,
           static_cast<int64_t>(points.size()));
  values.resize(count);
  return values;
}

// Evenly spaced, and geometrically down to 1e-30 on both sides of zero; those in [low, high].
template <class T>
std::vector<T> grid(double low, double high) {
  constexpr int64_t kPoints = 50000;
  std::vector<T> points;
  auto add = [&](double x) {
    if (low <= x && x <= high) points.push_back(static_cast<T>(x));
  };
  for (int64_t i = 0; i < kPoints; ++i) {
    double along = (static_cast<double>(i) + 0.37) / kPoints;
    add(low + along * (high - low));
    add(-3 + along * 6);
    double size = std::pow(10.0, -30 + along * (30 + std::log10(high)));
    add(size);
    add(-size);
  }
  return points;
}

template <class T>
long double last_place(long double x) {
  return std::ldexp(1.0L, std::ilogb(x) + 1 - std::numeric_limits<T>::digits);
}

template <class Function, class T>
void expect_accuracy(double low, double high, long double allowed) {
  std::vector<T> points = grid<T>(low, high);
  for (InstructionSet set : instruction_sets()) {
    std::vector<T> values = evaluated<Function>(set, points);
    long double worst = 0, at = 0;
    for (size_t i = 0; i < points.size(); ++i) {
      long double exact = Function::exact(points[i]);
      long double error = std::abs(values[i] - exact) / last_place<T>(exact);
      if (error <= worst) continue;
      worst = error;
      at = points[i];
    }
    EXPECT_LT(worst, allowed) << "at " << at << ", instruction set " << static_cast<int>(set);
  }
}

template <class T>
class VectorMath : public testing::Test {
 protected:
  static constexpr bool kFloat = std::is_same_v<T, float>;
  static constexpr double kLow = kFloat ? -86.9 : -708, kHigh = kFloat ? 88.7 : 709.7;
};

using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(VectorMath, Precisions);

TYPED_TEST(VectorMath, ErrsNoMoreThanItStates) {
  expect_accuracy<Exp, TypeParam>(this->kLow, this->kHigh, 1.1L);
  expect_accuracy<Expm1, TypeParam>(this->kLow, this->kHigh, 2);
  expect_accuracy<Log, TypeParam>(1e-30, 1e30, 1);
  expect_accuracy<Log1p, TypeParam>(-0.999, 1e30, 1.5L);
  expect_accuracy<Tanh, TypeParam>(-30, 30, 2.5L);
  expect_accuracy<Sigmoid, TypeParam>(this->kLow, 80, 3);
  expect_accuracy<ReciprocalSqrt, TypeParam>(1e-30, 1e30, 2);
}

// Where there is nothing to round: the ends of the range, and numbers that are none.
TYPED_TEST(VectorMath, KeepsInfinitiesZerosAndNaN) {
  using T = TypeParam;
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::nan("");
  const T denormal = std::numeric_limits<T>::denorm_min();
  const std::vector<T> points{infinity, -infinity, 0, 1000, -1000, denormal, -2, nan};
  using Expected = std::vector<T>;
  for (InstructionSet set : instruction_sets()) {
    auto expect = [&]<class Function>(Function, const Expected& expected) {
      Expected values = evaluated<Function>(set, points);
      for (size_t i = 0; i + 1 < points.size(); ++i) {
        if (std::isnan(expected[i])) {
          EXPECT_TRUE(std::isnan(values[i])) << points[i];
        } else {
          EXPECT_NEAR(values[i] == expected[i] ? 0 : values[i] - expected[i], 0, 1e-6) << points[i];
        }
      }
      EXPECT_TRUE(std::isnan(values.back()));
    };
    const T log_1000 = std::log(T(1000)), log_1001 = std::log(T(1001));
    expect(Exp{}, {infinity, 0, 1, infinity, 0, 1, std::exp(T(-2))});
    expect(Expm1{}, {infinity, -1, 0, infinity, -1, 0, std::expm1(T(-2))});
    expect(Log{}, {infinity, nan, -infinity, log_1000, nan, -infinity, nan});
    expect(Log1p{}, {infinity, nan, 0, log_1001, nan, 0, nan});
    expect(Tanh{}, {1, -1, 0, 1, -1, 0, std::tanh(T(-2))});
    expect(Sigmoid{}, {1, 0, T(0.5), 1, 0, T(0.5), 1 / (1 + std::exp(T(2)))});
  }
}

}  // namespace
}  // namespace diffeo
