// A disk that refuses: system calls of this process that fail on demand.
#pragma once

#include <string>

namespace diffeo {

// While it lives, calls of one name fail with an error number: the one numbered `at`, from 0, or
// with `from_then_on` all from that one. Syncs only pretend, for they would take most of a test's
// time. One at a time.
struct Fault {
  std::string
      call;  // "open", "write", "fsync", "sync_folder", "close", "rename", "mkdir", "flock",
             // "unlink", "exchange" (renameat2); "" : none, only counts
  int error_number = 0;
  int at = 0;
  bool from_then_on = false;
  bool can_exchange = true;  // false: renameat2 answers ENOSYS
};

class FaultyDisk {
 public:
  explicit FaultyDisk(const Fault& fault);
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  bool struck() const;  // whether any call was made to fail

 private:
  Fault fault_;
};

}  // namespace diffeo
