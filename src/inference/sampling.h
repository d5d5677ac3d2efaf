#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "flow/flow.h"

namespace diffeo {

struct SampleOptions {
  int64_t count = 64;
  int64_t batch_size = 64;
  uint64_t seed = 0;
  std::vector<double> temperatures = {
      1.0};                           // of the base's draws: one for all, or one for each level
  int64_t classes = 0;                // of the data; 0: no labels
  std::optional<int64_t> label = {};  // of every sample; none: sample i is of class i mod classes
  std::function<void()> poll = {};    // called between batches; throws to stop
};

// [count, ...] on the host, as the data are: images as 0 … 255. Sample i follows from (seed, i) and
// is the same, to rounding, in every batch size. Throws Exit::kUsage for temperatures and labels
// that the flow does not have.
Tensor sample(Flow& flow, const SampleOptions& options);

// The latents [count, D] that sample() decodes: sample first, first + 1, …
Tensor sample_latents(Flow& flow, const SampleOptions& options, int64_t first, int64_t count);

}  // namespace diffeo
