#pragma once

#include <memory>

#include "config/config.h"
#include "flow/flow.h"

namespace diffeo {

// What can be said of a configuration before anything is trained.

// The flow on the meta device: shapes and counts, without data and memory. Throws Exit::kUsage, by
// place, where it cannot be built, where images reach a density of reals as whole numbers, or where
// something is dequantized that is none.
std::shared_ptr<Flow> outline_of(const Config& config);

// The same, and that it can be trained: some of the data are held out, there are parameters, the
// penalty's are among them, and the passes are large enough (require_moments()).
std::shared_ptr<Flow> trainable_outline_of(const Config& config);

}  // namespace diffeo
