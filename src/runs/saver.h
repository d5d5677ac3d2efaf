#pragma once

#include <optional>

#include "runs/checkpoint_store.h"
#include "runs/metrics.h"
#include "terminal/log.h"

namespace diffeo {

// Saves a training. A disk that refuses costs a warning and another try at the next occasion; only
// several refusals in a row end the run.
class Saver {
 public:
  Saver(CheckpointStore store, int64_t keep, Log& log)
      : store_(std::move(store)), keep_(keep), log_(log) {}

  // Lines of metrics first, so that no checkpoint is ahead of them. Weights are written once a
  // step: when more has become known of it, an evaluation as a rule, only its state is written
  // again. Whether it worked.
  bool save(const Checkpoint& checkpoint, Metrics& metrics);

  const CheckpointStore& store() const { return store_; }

 private:
  CheckpointStore store_;
  int64_t keep_;
  Log& log_;
  int misses_ = 0;
  std::optional<int64_t> written_;  // the step whose weights this process wrote last
};

}  // namespace diffeo
