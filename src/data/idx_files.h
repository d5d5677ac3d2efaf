#pragma once

#include <filesystem>
#include <optional>

#include "data/data_config.h"

namespace diffeo {

struct IdxFiles {
  std::filesystem::path images;
  std::optional<std::filesystem::path> labels;  // none where the configuration has no classes
};

struct IdxSets {
  IdxFiles train;
  std::optional<IdxFiles> test;  // always, unless a validation set is cut
};

// Where the files of an IDX source lie, plain or .gz. In a folder they bear MNIST's names; a file
// of training images leads to the others by its name: images -> labels, idx3 -> idx1, train -> t10k
// or test. Throws Exit::kData.
IdxSets find_idx_files(const IdxConfig& config);

}  // namespace diffeo
