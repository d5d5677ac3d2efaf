#pragma once

#include "data/data.h"
#include "inference/unit.h"
#include "learn/interval.h"
#include "runs/run_directory.h"
#include "runs/saver.h"
#include "terminal/stopwatch.h"
#include "train/sample_pictures.h"
#include "train/trainer.h"

namespace diffeo {

// One process's part in a run: from the start or a checkpoint to the last step or a stop.
class Training {
 public:
  // Reads the data and builds the flow, then takes the run's folder. Throws before it writes.
  Training(const Config& config, const TrainOptions& options, Console& console);

  TrainResult run();

 private:
  void begin();
  void begin_anew();
  void begin_from(const std::filesystem::path& checkpoint);
  std::filesystem::path load_fork();

  std::optional<std::string> take_steps();
  void take_step();
  void poll() const {
    if (options_.stop) options_.stop->poll();
  }
  void save_if_asked();
  void do_what_is_due();
  bool is_due(int64_t every) const {
    return every > 0 && state_.step > 0 && state_.step % every == 0;
  }
  TrainResult finished();
  TrainResult stopped(const std::string& reason);

  // Each waits for the device and first makes sure that no step went bad unseen.
  void log_interval();
  void evaluate_held_out();
  void evaluate_test();
  void draw_samples();
  void save();

  void require_finite();
  // The mean of -log p over a data set, or why there is none: one outlier must not end a healthy
  // run.
  struct Score {
    Evaluation result;
    std::string fault;  // empty: none
  };
  Score score_of(const Dataset& data);
  void report(const Score& score, const std::string& split, const std::string& kind,
              double seconds);
  nlohmann::json line(const std::string& kind) const;
  nlohmann::json interval_line(const Interval::Sums& sums) const;
  bool is_best_here() const { return state_.best && state_.best->step == state_.step; }
  void show_progress();
  double seconds() const { return earlier_seconds_ + since_start_.seconds(); }
  Checkpoint checkpoint() const;
  Warn warn();
  void summarise(const std::string& exit, const std::string& reason);

  const Config& config_;
  const TrainOptions& options_;
  Console& console_;
  Log log_;
  Unit unit_;
  Data data_;
  Learner learner_;
  std::filesystem::path
      forked_from_;  // the checkpoint whose weights a new run starts with; empty: none
  RunDirectory directory_;
  Saver saver_;
  SamplePictures pictures_;
  std::optional<Metrics> metrics_;

  TrainingState state_;
  Interval interval_;
  bool is_saved_ = false;   // whether the newest checkpoint holds all of the above
  int64_t first_step_ = 0;  // of this process
  double earlier_seconds_ = 0, step_seconds_ = 0;  // of other processes; of this interval's steps
  Stopwatch since_start_;
  Progress progress_;
  std::optional<Score> newest_;     // of the held-out examples, at these weights
  std::optional<Best> saved_best_;  // the best that has a checkpoint
  nlohmann::json summary_ = nlohmann::json::object();
};

}  // namespace diffeo
