#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "kernels/vector_loop.h"
#include "kernels/vector_rows.h"

namespace diffeo {

// Loops over the elements of x [B, C, ...], each with the two that it has in a tensor [B, 2 C,
// ...], one in either half of the channels; both contiguous. `Body` has, always inlined,
//
//   operator()(V{}, i, first, second, count)
//
// for `count` elements from i on, as many as V has lanes or, at an example's end, as many as there
// are; first and second are their places in the halves.
template <class T, class Body>
struct HalvesLoop {
  int64_t half;  // elements of an example of x
  Body body;

  template <int kBytes>
  [[gnu::always_inline]] void run(int64_t begin, int64_t end) const {
    using V = lanes::Lanes<T, kBytes>;
    while (begin < end) {
      int64_t example = begin / half, stop = std::min(end, (example + 1) * half);
      for (int64_t i = begin; i < stop; i += lanes::kCount<V>) {
        int64_t first = i + example * half;
        body(V{}, i, first, first + half, std::min(stop - i, lanes::kCount<V>));
      }
      begin = stop;
    }
  }
};

template <class T, class Body>
void run_over_halves(InstructionSet set, const at::Tensor& x, const Body& body) {
  int64_t half = x.numel() / std::max<int64_t>(1, x.size(0));
  run_in_threads(set, HalvesLoop<T, Body>{half, body}, x.numel(), /*cost=*/3);
}

}  // namespace diffeo
