#include "core/hardware.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>

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

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// The least of what a control group and those around it allow: files `name` from `root`/`group` up.
double least_limit(const std::filesystem::path& root, const std::string& group, const char* name) {
  double least = kNoLimit;
  std::filesystem::path folder = root / std::filesystem::path(group).relative_path();
  for (;; folder = folder.parent_path()) {
    double limit = 0;
    std::ifstream file(folder / name);  // "max" where there is none
    if (file >> limit) least = std::min(least, limit);
    if (folder == root || !folder.has_relative_path()) return least;
  }
}

}  // namespace

double memory_limit_of_groups(const std::filesystem::path& process,
                              const std::filesystem::path& groups) {
  double least = kNoLimit;
  std::ifstream lines(process / "cgroup");
  for (std::string line; std::getline(lines, line);) {  // "0::/a/b", or "9:memory:/a/b"
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    std::string kinds = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    double limit = kinds.empty() ? least_limit(groups, group, "memory.max") : kNoLimit;
    if (kinds == "memory") limit = least_limit(groups / "memory", group, "memory.limit_in_bytes");
    least = std::min(least, limit);
  }
  return least;
}

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
  return std::min(bytes, memory_limit_of_groups("/proc/self", "/sys/fs/cgroup"));
}

void compute_reproducibly() {
  at::Context& context = at::globalContext();
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
}

}  // namespace diffeo
