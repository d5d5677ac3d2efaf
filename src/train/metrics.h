#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "io/descriptor.h"

namespace diffeo {

// metrics.jsonl: one JSON object a line. Every line has "step", the number of updates made, and "kind"; what depends on
// the machine's speed stands in its sub-object "time"; "final": true marks what only the end of a run says.
class Metrics {
 public:
  // Continues the file: lines past `step`, final lines and whatever a crash left unfinished are cut. Without a step all
  // of it is.
  Metrics(std::filesystem::path path, std::optional<int64_t> step);

  // Adds a line. A line that the disk refuses is kept and tried again with the next.
  void add(const nlohmann::json& line);

  // Makes all lines durable. Throws where the disk refuses.
  void sync();

 private:
  int write_waiting();  // the system's error number, 0: none

  std::filesystem::path path_;
  Descriptor file_;
  std::string waiting_;
};

}  // namespace diffeo
