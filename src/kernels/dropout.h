#pragma once

#include <ATen/core/Tensor.h>

#include "core/instruction_set.h"
#include "kernels/vector_math.h"

namespace diffeo {

// Sets elements to zero where `dropped` and multiplies the others by `scale`. Undefined: all stay.
struct Dropout {
  at::Tensor dropped;  // bool, shaped as what is dropped from
  double scale = 1;
};

// x with a dropout. Keeps the mask alone for the backward pass, one byte an element.
at::Tensor dropped_out(const at::Tensor& x, const Dropout& dropout,
                       InstructionSet set = best_instructions());
at::Tensor dropped_out_aten(const at::Tensor& x, const Dropout& dropout);

// A mask in the host's loops. Null: all stay.
template <class T>
struct DropoutMask {
  const bool* dropped;
  T scale;

  // Of `count` elements from `first` on.
  template <class V>
  [[gnu::always_inline]] V apply(V x, int64_t first, int64_t count) const {
    if (!dropped) return x;
    typedef uint8_t Bytes __attribute__((vector_size(lanes::kCount<V>)));
    uint8_t padded[lanes::kCount<V>] = {};
    if (count >= lanes::kCount<V>) std::memcpy(padded, dropped + first, sizeof padded);
    else std::memcpy(padded, dropped + first, static_cast<size_t>(count));
    Bytes bytes;
    std::memcpy(&bytes, padded, sizeof bytes);
    return lanes::where<V>(__builtin_convertvector(bytes, V) != 0, V{}, x * scale);
  }
};

template <class T>
DropoutMask<T> mask_of(const at::Tensor& dropped, double scale) {
  return {dropped.defined() ? dropped.const_data_ptr<bool>() : nullptr, static_cast<T>(scale)};
}

}  // namespace diffeo
