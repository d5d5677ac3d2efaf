#pragma once

#include <exception>
#include <functional>
#include <string>

namespace diffeo {

// How much memory was asked for in vain, "12.5 GB", if that is what went wrong; else nothing.
std::string memory_asked_for(const std::exception& error);

// Runs `action`. Where memory does not suffice, throws Exit::kMemory: what was being done, how much
// was asked for, and the cure, what disturbs least first.
void within_memory(const std::string& doing, const std::string& cure,
                   const std::function<void()>& action);

std::string bytes_text(double bytes);  // "12.5 GB"

}  // namespace diffeo
