#include "core/hardware.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <dlfcn.h>

#include <array>

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

void compute_reproducibly() {
  at::Context& context = at::globalContext();
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
}

}  // namespace diffeo
