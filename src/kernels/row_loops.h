#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/vector_rows.h"

namespace diffeo {

// An image whose channels stand last in memory is a matrix: a row for each position of each
// example, [B H W, C]. Loops over its rows take a register of channels at a time; where the
// channels do not fill the last register, its other lanes are zero and are not written.

namespace lanes {

// visit(first channel, how many) for each register of channels.
template <class V, class Visit>
[[gnu::always_inline]] inline void over_channels(int64_t channels, const Visit& visit) {
  int64_t c = 0;
  for (; c + kCount<V> <= channels; c += kCount<V>) visit(c, kCount<V>);
  if (c < channels) visit(c, channels - c);
}

// x where it is positive, else 0; NaN stays.
template <class V>
[[gnu::always_inline]] inline V relu(V x) {
  return where<V>(x <= 0, V{}, x);
}

}  // namespace lanes

// Rows that are summed in the precision of the numbers before double precision takes over, and that
// one thread takes at once: sums do not depend on how many threads there are.
constexpr int64_t kRowsOfChunk = 64;

inline int64_t row_chunks(int64_t rows) { return (rows + kRowsOfChunk - 1) / kRowsOfChunk; }

// Whether an image's channels stand last and nothing lies between its rows.
inline bool has_rows(const at::Tensor& x) {
  return x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace diffeo
