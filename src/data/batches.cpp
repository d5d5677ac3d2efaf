#include "data/batches.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "data/augment.h"
#include "data/order.h"

namespace diffeo {

EpochBatches::EpochBatches(Dataset data, const AugmentConfig& augment, uint64_t seed)
    : data_(std::move(data)), augment_(augment), seed_(seed) {
  require(data_.size() > 0, Exit::kData, "data: no training examples");
}

const Tensor& EpochBatches::order(int64_t epoch) {
  if (epoch != epoch_) order_ = random_order(data_.size(), seed_, "data.epoch", epoch);
  epoch_ = epoch;
  return order_;
}

Tensor EpochBatches::indices(int64_t step, int64_t size) {
  std::vector<Tensor> parts;
  int64_t end = (step + 1) * size;
  for (int64_t at = step * size; at < end; at += parts.back().size(0)) {
    int64_t place = at % data_.size();
    int64_t count = std::min(end - at, data_.size() - place);
    parts.push_back(order(at / data_.size()).narrow(0, place, count));
  }
  return at::cat(parts);
}

Batch EpochBatches::at(int64_t step, int64_t size) {
  Dataset chosen = data_.chosen(indices(step, size));
  SeededNoise noise(seed_of(seed_, "data.augment"), step * size);
  if (augment_.flip || augment_.shift > 0)
    chosen.examples = augmented(augment_, chosen.examples, noise);
  return chosen.slice(0, size);
}

Batch FreshBatches::at(int64_t step, int64_t size) {
  SeededNoise noise(seed_of(seed_, "data.batch"), step * size);
  return {density_->sample(size, noise, at::kFloat), {}};
}

}  // namespace diffeo
