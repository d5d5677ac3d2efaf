#pragma once

#include <filesystem>

#include "io/descriptor.h"
#include "io/durable.h"

namespace diffeo {

// Bytes that wait on the disk for their place in a file: in a file of their own that has no name,
// so that nothing of it is left however the process ends.
class Spool {
 public:
  explicit Spool(const std::filesystem::path& beside);  // on this path's file system

  void write(const void* from, uint64_t count);
  void move_into(DurableFile& file);  // all of them, in order

 private:
  std::filesystem::path beside_;
  Descriptor file_;
};

}  // namespace diffeo
