#pragma once

#include <c10/core/Device.h>

#include <string>

namespace diffeo {

// What decides how numbers are rounded: "cuda (NVIDIA H100 80GB HBM3)", or "cpu (AVX2)", the
// instructions that LibTorch's kernels use.
std::string hardware_text(c10::Device device);

}  // namespace diffeo
