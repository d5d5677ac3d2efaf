#pragma once

#include <filesystem>
#include <vector>

#include "core/error.h"
#include "core/shape.h"

namespace diffeo {

struct LabelledImages {
  Tensor images;  // [N, 3, 32, 32] uint8
  Tensor labels;  // [N] int64
};

// CIFAR-10's binary version (www.cs.toronto.edu/~kriz/cifar.html): records of one label, 0 to 9,
// and 1024 red, 1024 green, 1024 blue bytes. The files' records follow one another.
LabelledImages load_cifar10(const std::vector<std::filesystem::path>& files,
                            Exit exit = Exit::kData);

enum class Cifar10Part { kTrain, kTest };

// data_batch_*.bin in order of their names, or else train.bin; test_batch.bin, or else test.bin.
std::vector<std::filesystem::path> cifar10_files(const std::filesystem::path& folder,
                                                 Cifar10Part part, Exit exit = Exit::kData);

}  // namespace diffeo
