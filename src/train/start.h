#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/data.h"
#include "learn/learner.h"
#include "runs/checkpoint.h"
#include "runs/run_directory.h"
#include "train/train.h"

namespace diffeo {

// How a run begins: anew, from the weights of another run (a fork) or of another program, or where
// it was left.
struct Start {
  bool goes_on = false;             // where it was left
  std::filesystem::path from;       // its checkpoint, or that of the other run; empty: anew
  std::optional<Checkpoint> saved;  // read from there, until begin() has used it
  // Held from the outset where there is something to go on from: another writer would remove old
  // checkpoints.
  std::optional<RunDirectory> directory;
  std::vector<std::string> notes;     // what else the log is to say
  std::vector<std::string> warnings;  // for the log, once the run has one
};

// Decides it, and refuses what needs no data to be refused: a folder that is taken (Exit::kUsage),
// a checkpoint that is not there or not whole (Exit::kCheckpoint), and to go on with another model
// or other data (Exit::kUsage).
Start start_of(const Config& config, const TrainOptions& options);

// The weights of a training that begins anew: those of another program, where some are given, else
// by the data-dependent start. Throws Exit::kCheckpoint where those given do not fit.
void give_first_weights(Learner& learner, const Config& config, const Data& data,
                        const std::optional<ForeignWeights>& init,
                        const std::function<void()>& poll);

// Gives the learner the weights to begin with, by the data-dependent start where there are none,
// and says where the training stands. Throws Exit::kCheckpoint where they do not fit.
TrainingState begin(Start& start, const Config& config, const TrainOptions& options,
                    const Data& data, Learner& learner);

}  // namespace diffeo
