#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "terminal/console.h"
#include "terminal/signals.h"

namespace diffeo {

struct TrainOptions {
  std::filesystem::path run = {};  // its folder; default_run() names one
  bool resume = false;             // go on from its latest checkpoint; start where it has none
  std::optional<std::string> fork =
      {};  // start from the weights of this checkpoint (see locate_checkpoint())
  c10::Device device = c10::kCPU;
  StopRequest* stop = nullptr;            // asks to end early or to save; null: nothing does
  std::vector<std::string> command = {};  // for command.txt
};

struct TrainResult {
  Exit exit = Exit::kDone;  // or kStopped
  nlohmann::json summary;   // what summary.json holds
};

// Trains a flow by maximum likelihood as the configuration says and leaves all of it in the run's
// folder. Nothing is written before configuration and data have been accepted. Resumed on the same
// machine, with as many threads and the same LibTorch, a run ends in the same bytes as one that was
// never interrupted: everything random follows from (seed, step). A stop ends it after the step
// under way, with a checkpoint (Exit::kStopped). A held-out example
// whose density is not finite costs a warning and that evaluation's number, never the run. Throws
// Exit::kDiverged at the first step whose loss or gradient is not finite: the layer, the cure and
// the last good checkpoint; the weights of that checkpoint are untouched.
TrainResult train(const Config& config, const TrainOptions& options, Console& console);

}  // namespace diffeo
