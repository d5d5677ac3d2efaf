#pragma once

#include <torch/nn/module.h>

#include <filesystem>

#include "io/safetensors.h"
#include "train/training_state.h"

namespace diffeo {

// All that continues a training or uses what it made. On disk a directory:
//
//   weights.safetensors    parameters and buffers by name, the average of each parameter as "ema." + name
//   optimizer.safetensors  "m." + name, "v." + name, …
//   state.json             TrainingState
//   config.yaml            the resolved configuration
//   MANIFEST.json          sizes and checksums, written last
struct Checkpoint {
  TrainingState state;
  std::string config;
  NamedTensors weights, optimizer;
};

constexpr const char* kAveragePrefix = "ema.";

// Whole or not at all, whatever happens on the way; a checkpoint already at `directory` is replaced. An error leaves
// nothing behind.
void write_checkpoint(const std::filesystem::path& directory, const Checkpoint& checkpoint);

// Every byte is checked against the manifest before anything is read. Throws Exit::kCheckpoint: the file and what is
// wrong with it.
Checkpoint read_checkpoint(const std::filesystem::path& directory);

// Its config.yaml alone, checked the same way.
std::string read_checkpoint_config(const std::filesystem::path& directory);

// Throws Exit::kCheckpoint unless the checkpoint at `directory` is whole.
void verify_checkpoint(const std::filesystem::path& directory);

// Copies `source` into `targets`, which have the same names. Before anything is assigned, every name, shape and type
// that does not fit and every number that is not finite is listed in one Exit::kCheckpoint that begins with `place`.
// Numbers are stored in single precision whatever the target's.
void assign_tensors(const NamedTensors& source, const NamedTensors& targets, const std::string& place);

// Parameters and buffers by name.
NamedTensors named_tensors(const torch::nn::Module& module);

}  // namespace diffeo
