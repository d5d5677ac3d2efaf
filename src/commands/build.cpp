#include "commands/build.h"

#include <torch/headeronly/version.h>

#include "commit.h"

#include "core/error.h"

namespace diffeo {

std::string git_commit() { return DIFFEO_COMMIT; }

std::string build_flags() { return joined(DIFFEO_BUILD, ", compiler ", __VERSION__); }

std::string version_line() {
  std::string commit = git_commit().empty() ? "" : joined("commit ", git_commit(), ", ");
  return joined("diffeo ", DIFFEO_VERSION, " (", commit, "LibTorch ", TORCH_VERSION, ")");
}

}  // namespace diffeo
