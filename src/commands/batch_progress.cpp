#include "commands/batch_progress.h"

namespace diffeo {

void BatchProgress::begin_batch() {
  int64_t done = begun_++;
  double seconds = watch_.seconds();
  if (done == 0 || seconds < 2) return;
  double left = seconds / static_cast<double>(done) * static_cast<double>(batches_ - done);
  console_.show({.what = "batch", .step = done, .steps = batches_, .seconds_left = left});
}

}  // namespace diffeo
