#include "core/hardware.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "core/error.h"

namespace diffeo {
namespace {

// Of the driver, which a CUDA build has loaded by now: LibTorch's own call needs a header of the
// CUDA toolkit. Empty where there is no driver.
std::string gpu_name(int number) {
  void* driver = ::dlopen("libcuda.so.1", RTLD_NOW);
  auto get_name =
      driver ? reinterpret_cast<int (*)(char*, int, int)>(::dlsym(driver, "cuDeviceGetName"))
             : nullptr;
  std::array<char, 256> name{};
  return get_name && get_name(name.data(), static_cast<int>(name.size()), number) == 0 ? name.data()
                                                                                       : "";
}

}  // namespace

std::string hardware_text(c10::Device device) {
  std::string kind = c10::DeviceTypeName(device.type(), /*lower_case=*/true);
  std::string detail = device.is_cpu() ? at::get_cpu_capability() : gpu_name(device.index());
  return detail.empty() ? kind : joined(kind, " (", detail, ")");
}

double memory_bytes(c10::Device device) {
  if (!device.is_cpu()) {
    auto [left, all] = c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
    return static_cast<double>(all);
  }
  double bytes = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
                 static_cast<double>(::sysconf(_SC_PAGE_SIZE));
  double limit = 0;
  std::ifstream group("/sys/fs/cgroup/memory.max");  // "max" where there is none
  return group >> limit ? std::min(bytes, limit) : bytes;
}

void compute_reproducibly() {
  at::Context& context = at::globalContext();
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
}

}  // namespace diffeo
