#pragma once

#include <c10/core/Device.h>

#include <string>

namespace diffeo {

// What decides how numbers are rounded: "cuda (NVIDIA H100 80GB HBM3)", or "cpu (AVX2)", the
// instructions that LibTorch's kernels use.
std::string hardware_text(c10::Device device);

// Bytes that a device has, whoever uses them now; of the processors what the machine has, or the
// control group (cgroup v2) that this process is in leaves it.
double memory_bytes(c10::Device device);

// Makes LibTorch compute the same bytes each time on one machine's processors, and single precision
// in all of its digits: cuDNN takes deterministic algorithms, tries none out, and does not round to
// TF32, which would blur densities and inverses. Attention on a GPU remains the exception: its
// gradient is the same to rounding. For the whole process.
void compute_reproducibly();

}  // namespace diffeo
