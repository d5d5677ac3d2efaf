#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/descriptor.h"

namespace diffeo {

// metrics.jsonl: one JSON object a line. Every line has "step", the number of updates made, and
// "kind"; what depends on the machine's speed stands in its sub-object "time".
class Metrics {
 public:
  // Keeps the first `lines` of the file, those that the checkpoint knows, and cuts what an
  // interrupted process wrote after them: it will be written again.
  Metrics(std::filesystem::path path, int64_t lines);

  // Adds a line. A line that the disk refuses is kept and tried again with the next.
  void add(const nlohmann::json& line);

  // Makes all lines durable. Throws where the disk refuses.
  void sync();

  int64_t lines() const { return lines_; }

 private:
  int write_waiting();  // the system's error number, 0: none

  std::filesystem::path path_;
  Descriptor file_;
  std::string waiting_;
  int64_t lines_ = 0;
};

}  // namespace diffeo
