#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "inference/unit.h"
#include "learn/interval.h"
#include "runs/run_directory.h"
#include "runs/saver.h"
#include "terminal/stopwatch.h"
#include "train/sample_pictures.h"
#include "train/start.h"
#include "train/train.h"

namespace diffeo {

// The steps since the last line of metrics.
struct StepsReport {
  Interval::Sums sums;
  double learning_rate;                // of the last of them
  std::optional<double> penalty = {};  // at the weights now, where there is one
  double examples_per_second = 0;
};

// All that a training leaves behind: its folder with log, metrics, pictures, checkpoints and
// summary, and what the console shows. Only one process of a training has a journal. A disk that
// refuses costs a warning as long as that can be borne (see Saver, SamplePictures).
class Journal {
 public:
  // Takes the run's folder, if `start` does not hold it, and writes how the run begins. `state`:
  // where it begins.
  Journal(const Config& config, const Data& data, const TrainOptions& options, Console& console,
          Start start, const TrainingState& state, int64_t parameters);

  void show(const TrainingState& state, const Interval& interval);  // after each step
  void add_steps(const TrainingState& state, const StepsReport& report);
  void add_score(const TrainingState& state, const Score& score, const std::string& kind);
  void add_drifts(const TrainingState& state, const std::vector<Drift>& drifts);  // at least one
  void draw(Flow& flow, int64_t step);

  // Whether the disk took it. The journal adds what it alone knows: lines written, time passed.
  bool save(Checkpoint checkpoint);
  void tell_saved(int64_t step);  // because the user asked

  // "Checkpoints are intact; the newest is …"
  std::string what_is_left() const;

  // The end: the last words, and summary.json.
  TrainResult done(const TrainingState& state);
  TrainResult stopped(const TrainingState& state, const std::string& reason);
  void failed(const TrainingState& state, Exit exit, const std::string& reason);

 private:
  void say_how_it_begins(const Start& start, const TrainingState& state);
  void add_line(const TrainingState& state, const std::string& kind, nlohmann::json line,
                nlohmann::json time);
  void write_summary(const TrainingState& state);
  double seconds() const { return earlier_seconds_ + since_start_.seconds(); }

  const Config& config_;
  const TrainOptions& options_;
  Console& console_;
  Unit unit_;
  int64_t parameters_;
  Log log_;
  RunDirectory directory_;
  Saver saver_;
  SamplePictures pictures_;
  Metrics metrics_;

  double earlier_seconds_;  // of other processes
  int64_t first_step_;      // of this one
  Stopwatch since_start_;
  Progress progress_;
  std::map<std::string, nlohmann::json> newest_lines_;  // of metrics, by kind
  TrainResult result_;
};

}  // namespace diffeo
