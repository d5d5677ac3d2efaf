#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/vector_math.h"

namespace diffeo {

// Where the numbers of each element of x [B, C, ...] stand in `raw`: contiguous, or with the
// channels last. Elements are counted as they stand in x, which is contiguous. Splines have the
// same layout, with another count of numbers.
struct MixtureLayout {
  int64_t channels, positions, components, each;           // each: numbers of an element
  int64_t elements;                                        // of all examples
  int64_t by_example, by_channel, by_position, by_number;  // steps from one to the next in raw

  MixtureLayout(const at::Tensor& x, const at::Tensor& raw, int64_t count)
      : MixtureLayout(x, raw, count, 2 + 3 * count) {}

  MixtureLayout(const at::Tensor& x, const at::Tensor& raw, int64_t count, int64_t numbers_each)
      : channels(x.size(1)),
        positions(x.numel() / std::max<int64_t>(1, x.size(0) * x.size(1))),
        components(count),
        each(numbers_each),
        elements(x.numel()) {
    require(raw.numel() == elements * numbers(), x.sizes(), " elements of ", components,
            " components or bins need ", numbers(), " numbers each, got ", raw.sizes());
    bool contiguous = raw.is_contiguous();
    by_number = contiguous ? positions : 1;
    by_position = contiguous ? 1 : channels * numbers();
    by_channel = numbers() * by_number;
    by_example = channels * numbers() * positions;
  }

  // Whether a raw of these strides can be read where it stands.
  static bool reads(const at::Tensor& raw) {
    return raw.is_contiguous() ||
           (raw.dim() == 4 && raw.is_contiguous(at::MemoryFormat::ChannelsLast));
  }

  int64_t numbers() const { return each; }
  int64_t of_example() const { return channels * positions; }  // elements
};

// Neighbouring elements, one for each lane; lanes beyond the last element repeat it.
template <class V>
struct MixtureGroup {
  static constexpr int64_t kLanes = lanes::kCount<V>;
  using T = lanes::NumberOf<V>;

  [[gnu::always_inline]] MixtureGroup(const MixtureLayout& layout, int64_t first_element)
      : first(first_element),
        count(std::min(kLanes, layout.elements - first)),
        step(layout.by_number) {
    int64_t b = first / layout.of_example(), within = first % layout.of_example();
    int64_t c = within / layout.positions, p = within % layout.positions;
    side_by_side = layout.by_position == 1 && p + kLanes <= layout.positions;
    for (int64_t lane = 0; lane < (side_by_side ? 1 : kLanes); ++lane) {
      example[lane] = b;
      offset[lane] = b * layout.by_example + c * layout.by_channel + p * layout.by_position;
      if (lane + 1 >= count || ++p < layout.positions) continue;
      p = 0;
      if (++c < layout.channels) continue;
      c = 0;
      ++b;
    }
  }

  // The number-th of each element's numbers.
  [[gnu::always_inline]] V read(const T* raw, int64_t number) const {
    if (side_by_side) return lanes::load<V>(raw + offset[0] + number * step);
    T gathered[kLanes];
    for (int64_t lane = 0; lane < kLanes; ++lane)
      gathered[lane] = raw[offset[lane] + number * step];
    return lanes::load<V>(gathered);
  }

  [[gnu::always_inline]] void write(V numbers, T* raw, int64_t number) const {
    if (side_by_side) return lanes::store(numbers, raw + offset[0] + number * step);
    T scattered[kLanes];
    lanes::store(numbers, scattered);
    for (int64_t lane = 0; lane < count; ++lane)
      raw[offset[lane] + number * step] = scattered[lane];
  }

  // Of a tensor shaped as x.
  [[gnu::always_inline]] V read_elements(const T* x) const {
    if (count == kLanes) return lanes::load<V>(x + first);
    T padded[kLanes];
    for (int64_t lane = 0; lane < kLanes; ++lane)
      padded[lane] = x[first + std::min(lane, count - 1)];
    return lanes::load<V>(padded);
  }

  [[gnu::always_inline]] void write_elements(V numbers, T* x) const {
    if (count == kLanes) return lanes::store(numbers, x + first);
    T padded[kLanes];
    lanes::store(numbers, padded);
    std::copy_n(padded, count, x + first);
  }

  // Of a tensor [B], for each element its example's.
  [[gnu::always_inline]] V read_examples(const T* of_examples) const {
    if (side_by_side) return lanes::all<V>(of_examples[example[0]]);
    T gathered[kLanes];
    for (int64_t lane = 0; lane < kLanes; ++lane) gathered[lane] = of_examples[example[lane]];
    return lanes::load<V>(gathered);
  }

  int64_t first, count;
  int64_t step;
  bool side_by_side;  // in raw too; then only lane 0 has a place of its own
  int64_t offset[kLanes], example[kLanes];
};

}  // namespace diffeo
