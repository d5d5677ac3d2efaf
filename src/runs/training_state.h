#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "flow/memory_plan.h"

namespace diffeo {

// The format of checkpoints that this program writes, and the newest that it reads. In format 1
// parameters had other names (runs/format1.h), and noise and batch order followed from the seed by
// another rule than that in core/noise.h.
constexpr int64_t kCheckpointFormat = 2;

// The best evaluation so far: the lowest mean of -log p over the held-out examples, nats.
struct Best {
  double nats;
  int64_t step;
};

// Where a training stands, weights and moments apart: state.json.
struct TrainingState {
  int64_t step = 0;       // updates made; the next one is of this number, counted from 0
  int64_t examples = 0;   // seen
  int64_t evaluated = 0;  // step of the last evaluation on the way, 0: none yet
  int64_t sampled = 0;    // step of the last sample pictures on the way, 0: none yet
  int64_t lines = 0;      // of metrics.jsonl
  std::optional<Best> best;
  std::map<std::string, double> interval;  // sums since the last line of metrics

  // What an exact continuation needs to be the same.
  int64_t seed = 0;
  int64_t threads = 0;
  std::string device;    // hardware_text(): "cpu (AVX2)"
  std::string libtorch;  // its version
  MemoryPlan memory;     // of runs before there were modes: all is stored

  double seconds = 0;  // of training, over all the processes that took part
};

nlohmann::json to_json(const TrainingState& state);

// Throws Exit::kCheckpoint naming `place` and the key that is missing or has another type.
TrainingState training_state(const nlohmann::json& json, const std::string& place);

}  // namespace diffeo
