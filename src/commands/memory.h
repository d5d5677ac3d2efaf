#pragma once

#include <functional>
#include <string>

#include "core/memory.h"

namespace diffeo {

// Runs `action`. Where memory does not suffice, throws Exit::kMemory: what was being done, how much
// was asked for, and the cure, what disturbs least first.
void within_memory(const std::string& doing, const std::string& cure,
                   const std::function<void()>& action);

}  // namespace diffeo
