#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/run_lock.h"

namespace diffeo {

// The folder of one run, which this process alone writes as long as the object lives:
//
//   config.yaml (resolved)  command.txt  environment.json  train.log  metrics.jsonl  summary.json
//   samples/  checkpoints/
class RunDirectory {
 public:
  // Makes the folder where there is none. Without `resume` a folder that holds anything is refused
  // and left as it is (Exit::kUsage), and so is, with or without it, one that another process
  // writes.
  RunDirectory(const std::filesystem::path& path, bool resume);

  // The configuration and where it runs; the command is added to those of earlier starts.
  void describe(const std::string& config, const std::vector<std::string>& command,
                const std::string& device) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path samples() const { return path_ / "samples"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

 private:
  std::filesystem::path path_;
  RunLock lock_;
};

// Throws Exit::kUsage where a new run cannot go: the folder holds anything.
void require_free(const std::filesystem::path& path);

// Where a run of the configuration of that name goes, given no folder: runs/NAME/001, 002, …. The
// number after the largest that is there; to resume, the largest.
std::filesystem::path default_run(const std::string& config, bool resume);

}  // namespace diffeo
