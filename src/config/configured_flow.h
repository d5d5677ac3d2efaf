#pragma once

#include <memory>

#include "config/config.h"
#include "flow/flow.h"

namespace diffeo {

// The flow of a configuration as it starts: every parameter and buffer follows from the seed. On
// the meta device it takes neither memory nor time. Throws Exit::kUsage naming every layer that
// cannot be built, and Exit::kMemory.
std::shared_ptr<Flow> build_flow(const Config& config, const at::TensorOptions& options);

}  // namespace diffeo
