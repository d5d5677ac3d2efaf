#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>

namespace diffeo {

// Where some of the channels of a tensor [B, C, ...] stand in memory, as runs of numbers with a
// fixed step. They are counted example by example and within it in the order that the tensor has in
// memory, so equal channels of tensors of one layout have equal numbers.
class StridedHalf {
 public:
  // `of`: a view of the channels of `whole`, which is contiguous or has its channels last. Numbers
  // are then found from where a tensor of whole's strides begins.
  StridedHalf(const at::Tensor& of, const at::Tensor& whole, bool channels_last)
      : start_(of.storage_offset() - whole.storage_offset()) {
    int64_t channels = of.size(1), positions = 1, by_position = 1;
    for (int64_t d = of.dim() - 1; d >= 2; --d) {
      if (positions == 1) by_position = of.stride(d);
      positions *= of.size(d);
    }
    Level plane{positions, by_position}, row{channels, of.stride(1)};
    levels_ = {Level{of.size(0), of.stride(0)}, channels_last ? plane : row,
               channels_last ? row : plane};
    join(1, 2);
    join(0, 1);
    join(1, 2);
  }

  // Copies `count` numbers from the `first` on to `to`.
  template <class T>
  [[gnu::always_inline]] void gather(const T* from, int64_t first, int64_t count, T* to) const {
    over_runs(first, count,
              [&](int64_t at, int64_t done, int64_t run) __attribute__((always_inline)) {
                const T* begin = from + at;
                int64_t step = levels_[2].step;
                for (int64_t i = 0; i < run; ++i) to[done + i] = begin[i * step];
              });
  }

  template <class T>
  [[gnu::always_inline]] void scatter(const T* from, int64_t first, int64_t count, T* to) const {
    over_runs(first, count,
              [&](int64_t at, int64_t done, int64_t run) __attribute__((always_inline)) {
                T* begin = to + at;
                int64_t step = levels_[2].step;
                for (int64_t i = 0; i < run; ++i) begin[i * step] = from[done + i];
              });
  }

 private:
  struct Level {
    int64_t size, step;
  };

  // Makes two neighbouring levels one where the outer one goes on as the inner one does.
  void join(int outer, int inner) {
    Level &a = levels_[outer], &b = levels_[inner];
    if (b.size == 1) b = a;
    else if (a.size == 1 || a.step == b.size * b.step) b.size *= a.size;
    else return;
    a = {1, 0};
  }

  template <class Visit>
  [[gnu::always_inline]] void over_runs(int64_t first, int64_t count, const Visit& visit) const {
    int64_t within = first % levels_[2].size, run = first / levels_[2].size;
    int64_t middle = run % levels_[1].size, outer = run / levels_[1].size;
    for (int64_t done = 0; done < count;) {
      int64_t length = std::min(count - done, levels_[2].size - within);
      visit(start_ + outer * levels_[0].step + middle * levels_[1].step + within * levels_[2].step,
            done, length);
      done += length;
      within = 0;
      if (++middle == levels_[1].size) middle = 0, ++outer;
    }
  }

  int64_t start_;
  std::array<Level, 3> levels_;  // outermost first
};

}  // namespace diffeo
