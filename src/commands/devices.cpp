#include "commands/devices.h"

#include <ATen/Context.h>

#include <charconv>

#include "core/error.h"

namespace diffeo {
namespace {

// What LibTorch says of the driver when it is made to start it.
std::string trouble_with_cuda() {
  try {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  } catch (const c10::Error& error) {
    std::string text = error.what_without_backtrace();
    return "CUDA build, but no GPU: " + text.substr(0, text.find('\n'));
  }
  return "CUDA build, but no GPU";
}

}  // namespace

int64_t gpu_count() { return at::hasCUDA() ? static_cast<int64_t>(at::getNumGPUs()) : 0; }

std::string why_no_gpu() {
  if (gpu_count() > 0) return {};
  return at::Context::hasCUDART() ? trouble_with_cuda() : "this LibTorch is built without CUDA";
}

c10::Device device_named(const std::string& text) {
  if (text == "cpu") return c10::kCPU;
  if (text == "auto") return gpu_count() > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  std::string number = text == "cuda" ? "0" : text.starts_with("cuda:") ? text.substr(5) : "";
  int64_t index = -1;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (error != std::errc() || end != number.data() + number.size() || index < 0) {
    fail(Exit::kUsage, "--device: expected auto, cpu, cuda or cuda:NUMBER, found '", text, "'");
  }
  if (gpu_count() == 0) fail(Exit::kUsage, "--device ", text, ": not there: ", why_no_gpu());
  if (index >= gpu_count()) {
    fail(Exit::kUsage, "--device ", text, ": not there: this machine has cuda:0",
         gpu_count() > 1 ? joined(" to cuda:", gpu_count() - 1) : std::string(" only"));
  }
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace diffeo
