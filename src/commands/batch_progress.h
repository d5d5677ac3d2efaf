#pragma once

#include "terminal/console.h"
#include "terminal/stopwatch.h"

namespace diffeo {

// Shows on standard error how far a command is through its batches, once that has taken two
// seconds.
class BatchProgress {
 public:
  // `passes` over the examples.
  BatchProgress(int64_t examples, int64_t batch_size, int64_t passes = 1)
      : batches_((examples + batch_size - 1) / batch_size * passes) {}

  void begin_batch();

 private:
  Console console_{stderr, standard_error_kind(), standard_error_has_colour()};
  Stopwatch watch_;
  int64_t batches_, begun_ = 0;
};

}  // namespace diffeo
