#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runs/checkpoint.h"

namespace diffeo {

// What the user should be told, though it is no error.
using Warn = std::function<void(const std::string&)>;

// "step_00001000", the name of a checkpoint and of what else a run keeps of a step. Steps of more
// than eight digits have longer names.
std::string step_name(int64_t step);

// The folder RUN/checkpoints: step_00001000/ and so on, and the files `latest` and `best`, each
// with one such name.
class CheckpointStore {
 public:
  explicit CheckpointStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Writes step_N, then the pointers, `best` to the step that the checkpoint's state calls the
  // best, then removes all but the `keep` newest and the best. Steps beyond this one, left by a run
  // that went back, do not count. `parts`: kStateAlone where step_N has these weights already.
  // Returns why an old one could not be removed, one text each: that costs no more than its room.
  std::vector<std::string> save(const Checkpoint& checkpoint, int64_t keep,
                                Parts parts = Parts::kAll) const;

  std::filesystem::path at(int64_t step) const;
  std::vector<int64_t> steps() const;  // of the directories there, whole or not, rising
  std::optional<int64_t> pointed(
      const std::string& pointer) const;  // where `latest` or `best` points

  // The newest checkpoint that is whole and finite; where that is not the one `latest` names,
  // `warn` is told what was wrong. Nothing where there is no checkpoint at all. Throws
  // Exit::kCheckpoint where there are, but none is whole.
  std::optional<std::filesystem::path> latest(const Warn& warn) const;

  // The same checkpoint, read, each byte once.
  struct Found {
    std::filesystem::path path;
    Checkpoint checkpoint;
  };
  std::optional<Found> read_latest(const Warn& warn) const;

 private:
  std::vector<std::string> remove_old(int64_t step, int64_t keep) const;

  // The newest checkpoint that `attempt` takes without an Error.
  std::optional<std::filesystem::path> newest(
      const std::function<void(const std::filesystem::path&)>& attempt, const Warn& warn) const;
  std::vector<int64_t> newest_first() const;  // the one that `latest` names before all others

  std::filesystem::path directory_;
};

// The checkpoint that an argument of the command line means: a run (its latest), a checkpoint's
// directory, or RUN:latest, RUN:best, RUN:STEP. Only a run and `latest` fall back to an older one.
// Throws Exit::kCheckpoint with what there is to choose from.
std::filesystem::path locate_checkpoint(const std::string& argument, const Warn& warn);

}  // namespace diffeo
