#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <string>

namespace diffeo {

// What decides how numbers are rounded: "cuda (NVIDIA H100 80GB HBM3)", or "cpu (AVX2)", the
// instructions that LibTorch's kernels use.
std::string hardware_text(c10::Device device);

// Bytes that a device has, whoever uses them now; of the processors what the machine has, or the
// control groups that this process is in leave it.
double memory_bytes(c10::Device device);

// The bytes that control groups leave a process, of version 1 or 2, as `process`/cgroup names them
// and the files below `groups` say; infinity where they set no limit.
double memory_limit_of_groups(const std::filesystem::path& process,
                              const std::filesystem::path& groups);

// Makes LibTorch compute the same bytes each time on one machine's processors, and single precision
// in all of its digits: cuDNN takes deterministic algorithms, tries none out, and does not round to
// TF32, which would blur densities and inverses. Attention on a GPU remains the exception: its
// gradient is the same to rounding. For the whole process.
void compute_reproducibly();

}  // namespace diffeo
