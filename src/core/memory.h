#pragma once

#include <exception>
#include <string>

namespace diffeo {

// How much memory was asked for in vain, "12.5 GB", if that is what went wrong; else nothing.
std::string memory_asked_for(const std::exception& error);

std::string bytes_text(double bytes);  // "12.5 GB"

}  // namespace diffeo
