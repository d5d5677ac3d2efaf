#include "runs/saver.h"

#include "core/error.h"
#include "io/shortcomings.h"

namespace diffeo {
namespace {

constexpr int kMissesToEnd = 5;

}  // namespace

bool Saver::save(const Checkpoint& checkpoint, Metrics& metrics) {
  try {
    metrics.sync();
    bool has_weights = written_ == checkpoint.state.step;
    Parts parts = has_weights ? Parts::kStateAlone : Parts::kAll;
    for (const std::string& refusal : store_.save(checkpoint, keep_, parts))
      log_.warn("an old checkpoint stays where it is: " + refusal);
    written_ = checkpoint.state.step;
    misses_ = 0;
    for (const std::string& warning : take_shortcomings()) log_.warn(warning);
    return true;
  } catch (const Error& error) {
    ++misses_;
    written_.reset();  // who knows what stands there now
    std::string what = joined("the checkpoint of step ", checkpoint.state.step,
                              " could not be saved: ", error.what());
    if (misses_ >= kMissesToEnd)
      fail(what, "\nThese were ", misses_, " refusals in a row; the run ends here");
    log_.warn(joined(what, "\n  Earlier checkpoints are intact; the next occasion is tried again (",
                     misses_, " of ", kMissesToEnd, " refusals in a row)"));
    return false;
  }
}

}  // namespace diffeo
