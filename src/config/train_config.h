#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/range.h"
#include "flow/memory_plan.h"

namespace diffeo {

struct TrainConfig {
  static constexpr const char* kDoc = "How long to train, and what to do on the way.";
  static constexpr OnResume kOnResume = OnResume::kWarned;
  int64_t steps = 10000;
  int64_t batch_size = 64;
  int64_t accumulate = 1;
  int64_t initialise_examples = 0;
  int64_t log_every = 50;
  int64_t evaluate_every = 1000;
  int64_t evaluate_examples = 0;
  int64_t sample_every = 1000;
  int64_t sample_count = 64;
  std::vector<double> sample_temperatures = {1.0};
  int64_t checkpoint_every = 1000;
  int64_t keep = 3;
  double ema_decay = 0;
  Memory memory = Memory::kStore;

  template <class Archive>
  void fields(Archive& ar) {
    ar("steps", steps, "updates of the weights", at_least(1), OnResume::kFree);
    ar("batch_size", batch_size, "examples in an update, the accumulated passes together",
       at_least(1));
    ar("accumulate", accumulate, "equal passes that a batch is cut into, to save memory",
       at_least(1));
    ar("initialise_examples", initialise_examples,
       "examples of the data-dependent start, 0: batch_size", at_least(0), OnResume::kFree);
    ar("log_every", log_every, "steps between two lines of metrics", at_least(1), OnResume::kFree);
    ar("evaluate_every", evaluate_every, "steps between two evaluations, 0: only at the end",
       at_least(0), OnResume::kFree);
    ar("evaluate_examples", evaluate_examples,
       "held-out examples of an evaluation on the way, 0: all", at_least(0), OnResume::kFree);
    ar("sample_every", sample_every, "steps between two sample pictures, 0: only at the end",
       at_least(0), OnResume::kFree);
    ar("sample_count", sample_count, "samples in a picture", at_least(1), OnResume::kFree);
    ar("sample_temperatures", sample_temperatures, "one picture, with a block of samples for each",
       at_least(0), OnResume::kFree);
    ar("checkpoint_every", checkpoint_every, "steps between two checkpoints, 0: only at the end",
       at_least(0), OnResume::kFree);
    ar("keep", keep, "newest checkpoints kept, beside the best", at_least(1), OnResume::kFree);
    ar("ema_decay", ema_decay, "decay of the running average of the weights, 0: none",
       from_to_below(0, 1));
    ar("memory", memory,
       "what passes keep for their gradients, which are the same: store, all; recompute, each "
       "layer's input; invert, nothing of layers whose output tells the input; auto, the fastest "
       "of these that fits the machine");
  }

  int64_t examples_in_pass() const { return batch_size / accumulate; }
  int64_t examples_of_start() const {
    return initialise_examples > 0 ? initialise_examples : batch_size;
  }

  std::string problem() const {
    return batch_size % accumulate != 0 ? "batch_size is not a multiple of accumulate" : "";
  }
};

}  // namespace diffeo
