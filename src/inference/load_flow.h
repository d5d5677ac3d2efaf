#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "config/config.h"
#include "flow/flow.h"
#include "runs/checkpoint_store.h"

namespace diffeo {

// Which weights of a checkpoint a flow is given. An average that the checkpoint does not have is
// its weights.
enum class Weights { kAverage, kRaw };

// A flow with the weights of a checkpoint, and where they come from.
struct LoadedFlow {
  std::shared_ptr<Flow> flow;
  Config config;
  TrainingState state;
  std::filesystem::path path;  // the checkpoint's directory
  bool averaged;               // whether the weights are the average

  std::string weights_text() const;  // "averaged weights of runs/a/checkpoints/step_00001000"
  Metadata origin() const;  // for files that are made with it: program, checkpoint, step, weights
};

// `argument`: as locate_checkpoint() takes it. `options`: device and precision to compute in.
// Throws Exit::kCheckpoint.
LoadedFlow load_flow(const std::string& argument, const at::TensorOptions& options, Weights weights,
                     const Warn& warn);

// The configuration in a checkpoint: of one at a path, or of one that has been read from there.
// Throws Exit::kCheckpoint where it is not what was written or this program does not understand it.
Config stored_config(const std::filesystem::path& checkpoint);
Config stored_config(const Checkpoint& checkpoint, const std::filesystem::path& path);

}  // namespace diffeo
