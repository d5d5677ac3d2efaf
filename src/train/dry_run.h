#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "core/shape.h"
#include "train/memory_choice.h"
#include "train/train.h"

namespace diffeo {

// What a training needs, found by trying its first steps.
struct DryRun {
  int64_t parameters;
  Shape shape;  // of an example
  int64_t batch_size, steps;
  std::vector<Shape> latents = {};  // by level
  std::string loss;                 // of the first batch: "3.412 bits/dim"
  double round_trip;                // largest |x - inverse(forward(x))|, in the data's scale
  double seconds_per_step;          // of the second step: the first is slower
  int64_t state_bytes;              // weights, gradients, optimizer, average
  int64_t peak_bytes;               // of the device, or of the process on a CPU
  std::vector<MemoryNeed> needs;    // of tensors, in each memory mode
  MemoryChoice choice;              // what auto takes
  std::vector<std::string> doubts;  // data_doubts()
};

// Reads the data, builds the flow, gives it its first weights (give_first_weights()), runs it
// forward, backward and inverse, and updates it twice. Nothing is written. Throws Exit::kDiverged
// where the first step is not finite.
DryRun dry_run(const Config& config, c10::Device device,
               const std::optional<ForeignWeights>& init = {});

// For people, a line each.
std::string text_of(const DryRun& found);

}  // namespace diffeo
