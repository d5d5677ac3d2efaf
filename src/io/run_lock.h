#pragma once

#include <filesystem>

#include "io/descriptor.h"

namespace diffeo {

// Makes this process the one writer of a directory for as long as the object lives. The system lets
// go of the lock when the process dies, however it does; the file ".lock" stays and means nothing
// by itself. A second writer is told which process, on which host, was first (Exit::kUsage). Where
// the file system knows no locks there is none, and io/shortcomings.h tells the user.
class RunLock {
 public:
  explicit RunLock(const std::filesystem::path& directory);

 private:
  Descriptor file_;
};

}  // namespace diffeo
