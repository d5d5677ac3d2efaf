#pragma once

#include <string>

#include "core/site.h"

namespace diffeo {

// Beside torch::nn::Module, a base of what sets or follows itself by the deviation of each channel
// over a batch. One number has no deviation, so a training first asks how many there will be.
class TakesMoments {
 public:
  enum class When { kStart, kEveryStep };

  // `numbers`: of each example that enter one deviation.
  TakesMoments(std::string path, int64_t numbers, When when)
      : path_(std::move(path)), numbers_(numbers), when_(when) {}
  virtual ~TakesMoments() = default;

  const std::string& moments_path() const { return path_; }
  int64_t numbers_an_example() const { return numbers_; }
  bool at_every_step() const { return when_ == When::kEveryStep; }

 private:
  std::string path_;
  int64_t numbers_;
  When when_;
};

// Positions of a shape [C, ...], which a moment for each channel is taken over; 1 of a vector.
int64_t positions_of(const Shape& shape);

// sqrt(mean(x^2)) over one dimension, which is kept. The squares neither overflow nor vanish,
// whatever unit the data are in.
Tensor root_mean_square(const Tensor& x, int64_t dim);

// What a published start adds to a deviation so that a constant stays finite. Beside a deviation
// that is tiny itself, but is one, it is at most `share` of it: data in small units then start with
// deviation 1 too, as promised. Where the deviation is no more than the rounding of `mean`, and is
// none, it is the published number.
Tensor start_epsilon(const Tensor& deviation, const Tensor& mean, double published, double share);

}  // namespace diffeo
