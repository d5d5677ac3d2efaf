#include "kernels/adam_loop.h"

#include <algorithm>
#include <cmath>

#include "kernels/vector_loop.h"

namespace diffeo {
namespace {

template <class T, bool kByLargest>
struct AdamLoop {
  T take_m, take_v, keep_v, rate, epsilon, keep;
  T* __restrict weights;
  const T* __restrict gradient;
  T* __restrict m;
  T* __restrict v;

  // The compiler chooses the registers.
  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    T* __restrict w = weights;
    const T* __restrict g = gradient;
    T* __restrict mean = m;
    T* __restrict spread = v;
    for (int64_t i = begin; i < end; ++i) {
      T next_mean = mean[i] + take_m * (g[i] - mean[i]), next_spread, root;
      if constexpr (kByLargest) {
        root = next_spread = std::max(keep_v * spread[i], std::abs(g[i]));
      } else {
        next_spread = spread[i] + take_v * (g[i] * g[i] - spread[i]);
        root = std::sqrt(next_spread);
      }
      mean[i] = next_mean;
      spread[i] = next_spread;
      w[i] = keep * w[i] - rate * (next_mean / (root + epsilon));
    }
  }
};

template <bool kByLargest, class T>
void run_adam(T* weights, const T* gradient, T* m, T* v, int64_t count, const AdamStep& step,
              InstructionSet set) {
  AdamLoop<T, kByLargest> loop{static_cast<T>(step.take_m),
                               static_cast<T>(step.take_v),
                               static_cast<T>(1 - step.take_v),
                               static_cast<T>(step.rate),
                               static_cast<T>(step.epsilon),
                               static_cast<T>(1 - step.shrink),
                               weights,
                               gradient,
                               m,
                               v};
  run_loop(set, loop, 0, count);
}

}  // namespace

void adam_loop(float* weights, const float* gradient, float* m, float* v, int64_t count,
               const AdamStep& step, InstructionSet set) {
  step.by_largest ? run_adam<true>(weights, gradient, m, v, count, step, set)
                  : run_adam<false>(weights, gradient, m, v, count, step, set);
}

void adam_loop(double* weights, const double* gradient, double* m, double* v, int64_t count,
               const AdamStep& step, InstructionSet set) {
  step.by_largest ? run_adam<true>(weights, gradient, m, v, count, step, set)
                  : run_adam<false>(weights, gradient, m, v, count, step, set);
}

}  // namespace diffeo
