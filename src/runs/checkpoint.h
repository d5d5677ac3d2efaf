#pragma once

#include <filesystem>

#include "io/safetensors.h"
#include "runs/training_state.h"

namespace diffeo {

// All that continues a training or uses what it made. On disk a directory:
//
//   weights.safetensors    parameters and buffers by name, averages of parameters and of running
//                          moments as "ema." + name
//   optimizer.safetensors  "m." + name, "v." + name, …
//   state.json             TrainingState
//   config.yaml            the resolved configuration
//   MANIFEST.json          sizes and checksums, written last
struct Checkpoint {
  TrainingState state;
  std::string config;
  NamedTensors weights, optimizer;
  int64_t format = kCheckpointFormat;  // that it was read from
};

// What of a checkpoint is written anew. kStateAlone: state and configuration, and weights and
// moments are taken from the checkpoint that stands there and has the same; where the file system
// has no hard links, all of it.
enum class Parts { kAll, kStateAlone };

// Whole or not at all, whatever happens on the way; a checkpoint already at `directory` is
// replaced. An error leaves nothing behind.
void write_checkpoint(const std::filesystem::path& directory, const Checkpoint& checkpoint,
                      Parts parts = Parts::kAll);

// Every byte is checked against the manifest before anything is read, and every number is finite: a
// training is not continued, nor a flow used, from what a step has spoilt. Throws
// Exit::kCheckpoint: the file and what is wrong with it. Names of format 1 are given as
// they are today.
Checkpoint read_checkpoint(const std::filesystem::path& directory);

// The weights for a model of these names and tensors: where the checkpoint is of format 1, with
// what that left out.
NamedTensors weights_for(const NamedTensors& model, const Checkpoint& checkpoint);

// Its config.yaml alone, checked the same way.
std::string read_checkpoint_config(const std::filesystem::path& directory);

}  // namespace diffeo
