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
  Tensor given = {};  // [R, C] the context of sample i is row i mod R; none: undefined
  std::function<void()> poll = {};  // called between batches; throws to stop
};

// Some samples on the host, one after the other: what was drawn, and what was made of it.
struct SampleBatch {
  Tensor values;   // [B, ...] as the data are, images as 0 … 255
  Tensor latents;  // [B, D]
  Tensor labels;   // [B] int64; undefined where there are no classes

  // [B] bool: whether a sample's values and latents are all finite.
  Tensor finite() const;
};
using SampleSink = std::function<void(const SampleBatch&)>;

// Gives `count` samples to the sink in batches, so that memory does not grow with their number.
// Sample i has the noise of example i (the rule is in core/noise.h) and is the same, to rounding,
// in every batch size. Throws Exit::kUsage for temperatures and labels that the flow does not have.
void sample(Flow& flow, const SampleOptions& options, const SampleSink& sink);

// The values of all at once, [count, ...].
Tensor sample(Flow& flow, const SampleOptions& options);

// The latents [count, D] of the samples first, first + 1, …, where the flow computes.
Tensor sample_latents(Flow& flow, const SampleOptions& options, int64_t first, int64_t count);

}  // namespace diffeo
