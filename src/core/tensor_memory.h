#pragma once

#include <c10/core/Device.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdint>
#include <memory>

namespace diffeo {

// While it lives, counts the bytes of the tensors on a device. On a CPU those that this thread has
// made since the beginning, without what the libraries take beside tensors; make it before the
// first tensor to be counted, and let none be freed meanwhile that was there before. On other
// devices all.
class TensorMemory {
 public:
  explicit TensorMemory(c10::Device device);

  void forget_peak();    // the peak counts from what there is now
  int64_t peak() const;  // bytes
  int64_t now() const;

 private:
  class Counter;

  c10::Device device_;
  std::shared_ptr<Counter> counter_;
  c10::DebugInfoGuard where_the_allocator_finds_it_;
};

// Bytes of this process in the machine's memory at its worst moment.
int64_t process_peak_bytes();

}  // namespace diffeo
