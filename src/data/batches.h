#pragma once

#include <memory>

#include "data/augment_config.h"
#include "data/dataset.h"
#include "data/density.h"

namespace diffeo {

// Training batches without end: at() gives the examples step * size … of one long sequence, drawn
// by the rule in core/noise.h, so a resumed run goes on with what the uninterrupted one would have
// had.
class Batches {
 public:
  virtual ~Batches() = default;
  virtual Batch at(int64_t step, int64_t size) = 0;
};

// Whole shuffled epochs of a data set: a permutation that follows from seed and epoch. Where
// a batch reaches the end of an epoch it goes on in the next, so no example is dropped and all
// batches have one size.
class EpochBatches final : public Batches {
 public:
  EpochBatches(Dataset data, const AugmentConfig& augment, uint64_t seed);
  Batch at(int64_t step, int64_t size) override;

  Tensor indices(int64_t step, int64_t size);  // [size] int64

 private:
  const Tensor& order(int64_t epoch);

  Dataset data_;
  AugmentConfig augment_;
  uint64_t seed_;
  int64_t epoch_ = -1;
  Tensor order_;  // of epoch_
};

// Fresh draws of a density for each step.
class FreshBatches final : public Batches {
 public:
  FreshBatches(std::shared_ptr<const Density> density, uint64_t seed)
      : density_(std::move(density)), seed_(seed) {}
  Batch at(int64_t step, int64_t size) override;

 private:
  std::shared_ptr<const Density> density_;
  uint64_t seed_;
};

}  // namespace diffeo
