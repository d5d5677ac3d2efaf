#pragma once

#include "data/data.h"
#include "learn/interval.h"
#include "learn/learner.h"
#include "terminal/stopwatch.h"
#include "train/journal.h"
#include "train/train.h"

namespace diffeo {

// One process's part in a training: the loop. The process that has a journal also logs, evaluates,
// draws and saves; one without takes the same steps and leaves nothing behind.
class Training {
 public:
  // `start`: where the training stands; the learner's weights are those of that step. `journal`:
  // null, or outlives this object.
  Training(const Config& config, const TrainOptions& options, const Data& data, Learner& learner,
           const TrainingState& start, Journal* journal);

  // Takes the steps that are left, and does between them what is due. Throws Exit::kStopped where
  // it is asked to stop, after the step under way, and Exit::kDiverged at the first step whose loss
  // or gradient is not finite.
  void run();

  // Makes the newest step durable, if it is not yet. Whether it is now.
  bool save();

  const TrainingState& state() const { return state_; }

 private:
  void take_step();
  void watch_drift(const Batch& batch);  // of what passes rebuild; warns of what is kept then
  void do_what_is_due();
  bool is_due(int64_t every) const {
    return every > 0 && state_.step > 0 && state_.step % every == 0;
  }

  // Each waits for the device and first makes sure that no step went bad unseen.
  void add_interval();
  void evaluate_held_out();
  void evaluate_test();
  void draw_samples();

  void require_finite();        // that no step was refused
  void require_finite_state();  // that what a checkpoint would hold is finite, too
  Score score_of(const std::string& split, int64_t examples);

  const Config& config_;
  const TrainOptions& options_;
  const Data& data_;
  Learner& learner_;
  Journal* journal_;

  TrainingState state_;
  Interval interval_;               // the steps since the last line of metrics
  double step_seconds_ = 0;         // that this process spent on them
  bool is_saved_;                   // whether the newest checkpoint holds all of the above
  std::optional<Best> saved_best_;  // the best that has a checkpoint
  std::optional<Score> newest_;     // of the held-out examples, at these weights
};

}  // namespace diffeo
