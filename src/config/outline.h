#pragma once

#include <memory>

#include "config/config.h"
#include "data/data.h"
#include "flow/flow.h"

namespace diffeo {

// What can be said of a configuration before anything is trained.

// The flow on the meta device: shapes and counts, without data and memory. Throws Exit::kUsage, by
// place, where it cannot be built, where images reach a density of reals as whole numbers, or where
// something is dequantized that is none.
std::shared_ptr<Flow> outline_of(const Config& config);

// The same, and that training has something to change: there are parameters, the penalty's are
// among them, and the passes are large enough (require_moments()).
std::shared_ptr<Flow> trainable_outline_of(const Config& config);

// How many values a pixel may take in the eyes of the flow's dequantizer; without one, in the data's.
int64_t expected_levels(const Config& config);

// The data of a configuration, each split held against its flow by require_levels().
Data fitting_data(const Config& config);

// Throws Exit::kData where the examples hold values beyond the bits that the flow's dequantizer
// takes them to have.
void require_levels(const Config& config, const Dataset& examples, const std::string& split);

}  // namespace diffeo
