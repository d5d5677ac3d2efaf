#pragma once

#include <functional>
#include <optional>

#include "data/dataset.h"
#include "flow/flow.h"

namespace diffeo {

struct EvaluateOptions {
  int64_t batch_size = 64;
  uint64_t seed = 0;   // of the noise
  int64_t draws = 1;   // of the noise for each example
  std::function<void()> poll = {};  // called between batches; throws to stop
};

// -log p over a data set. Where the flow dequantizes, an example's number is the mean of its bound over the draws: a
// bound itself, not the tighter logarithm of a mean.
struct Evaluation {
  int64_t examples = 0;
  double nats = 0;            // mean of -log p
  double standard_error = 0;  // of that mean, over the examples, nats
  std::optional<double> bits_per_dim;  // of images (uint8): nats / (D ln 2)
  std::optional<double> bits_per_dim_error;
};

// Over every example, each weighing the same, added up in double precision. The noise of an example follows from (seed,
// its place) alone, so the batch size changes no more than rounding. The flow's parameters say where it computes.
// Throws Exit::kDiverged where a density is not finite: how many examples, and the first.
Evaluation evaluate(Flow& flow, const Dataset& data, const EvaluateOptions& options = {});

}  // namespace diffeo
