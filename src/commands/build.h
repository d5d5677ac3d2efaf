#pragma once

#include <string>

namespace diffeo {

// The commit this program was built from, or nothing where that is not known.
std::string git_commit();

std::string build_flags();  // "Release -O3 -DNDEBUG, compiler 12.2.0"

std::string version_line();  // "diffeo 0.1.0 (commit 1a2b3c4, LibTorch 2.13.0)"

}  // namespace diffeo
