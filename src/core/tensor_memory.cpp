#include "core/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>

#include <algorithm>

namespace diffeo {

// LibTorch's allocator for the CPU reports to the profiler of the thread, which this stands for.
class TensorMemory::Counter final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t change, size_t, size_t, c10::Device device) override {
    if (!device.is_cpu()) return;
    bytes += change;
    peak = std::max(peak, bytes);
  }
  void reportOutOfMemory(int64_t, size_t, size_t, c10::Device) override {}
  bool memoryProfilingEnabled() const override { return true; }

  int64_t bytes = 0, peak = 0;
};

TensorMemory::TensorMemory(c10::Device device)
    : device_(device),
      counter_(std::make_shared<Counter>()),
      where_the_allocator_finds_it_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}

void TensorMemory::forget_peak() {
  if (device_.is_cpu()) counter_->peak = counter_->bytes;
  else c10::getDeviceAllocator(device_.type())->resetPeakStats(device_.index());
}

namespace {

auto device_bytes(c10::Device device) {
  auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return c10::getDeviceAllocator(device.type())
      ->getDeviceStats(device.index())
      .allocated_bytes[all];
}

}  // namespace

int64_t TensorMemory::peak() const {
  return device_.is_cpu() ? counter_->peak : device_bytes(device_).peak;
}

int64_t TensorMemory::now() const {
  return device_.is_cpu() ? counter_->bytes : device_bytes(device_).current;
}

int64_t process_peak_bytes() {
  struct rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{1024} * usage.ru_maxrss;
}

}  // namespace diffeo
