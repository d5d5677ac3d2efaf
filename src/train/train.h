#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "inference/evaluation.h"
#include "runs/training_state.h"
#include "terminal/console.h"
#include "terminal/signals.h"

namespace diffeo {

// Weights of another program: a safetensors file, and what of it becomes what
// (config/weight_map.h); without a map its names are the model's own.
struct ForeignWeights {
  std::filesystem::path file;
  std::optional<std::string> map = {};
};

struct TrainOptions {
  std::filesystem::path run = {};  // its folder; default_run() names one
  bool resume = false;             // go on from its latest checkpoint; start where it has none
  std::optional<std::string> fork =
      {};  // start from the weights of this checkpoint (see locate_checkpoint())
  std::optional<ForeignWeights> init = {};  // start from these
  c10::Device device = c10::kCPU;
  StopRequest* stop = nullptr;            // asks to end early or to save; null: nothing does
  std::vector<std::string> command = {};  // for command.txt

  // Throws Exit::kStopped where the training is asked to end.
  void poll() const {
    if (stop) stop->poll();
  }
};

// The mean of -log p over a split, or why there is none: one outlier must not end a healthy run.
struct Score {
  std::string split;
  Evaluation result = {};
  std::string fault = {};  // empty: none
  double seconds = 0;      // that it took
};

struct TrainResult {
  Exit exit = Exit::kDone;  // or kStopped
  std::string reason;       // "all 20000 steps", "stopped by SIGTERM"
  int64_t step = 0;         // updates made
  std::filesystem::path run;
  std::vector<std::filesystem::path> samples;  // the newest pictures that this process has drawn
  std::optional<Score> test;                   // of the weights after the last step
  std::optional<Best> best;
};

// Trains a flow by maximum likelihood as the configuration says and leaves all of it in the run's
// folder. Nothing is written before configuration and data have been accepted and the flow has been
// built and started. Resumed on the same machine, with as many threads and the same LibTorch, a run
// ends in the same bytes as one that was never interrupted: everything random follows from (seed,
// step). Asked to stop, it ends after the step under way, with a checkpoint (TrainResult::exit is
// kStopped), or throws Exit::kStopped where it had nothing to save yet. A held-out example whose
// density is not finite costs a warning and that evaluation's number, never the run. Throws
// Exit::kDiverged at the first step that would leave numbers that are not finite: the layer, the
// cure and the last good checkpoint; the weights of that checkpoint are untouched.
TrainResult train(const Config& config, const TrainOptions& options, Console& console);

}  // namespace diffeo
