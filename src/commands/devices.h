#pragma once

#include <c10/core/Device.h>

#include <string>

namespace diffeo {

// Why there is no GPU to compute on, or nothing where there is one: "this LibTorch is built without
// CUDA".
std::string why_no_gpu();

int64_t gpu_count();

// The device that auto, cpu, cuda or cuda:1 means; auto: a GPU where there is one. Throws
// Exit::kUsage for a device that is not there, with the reason, and for any other text.
c10::Device device_named(const std::string& text);

}  // namespace diffeo
