#pragma once

#include <map>
#include <string>

#include "data/data_config.h"
#include "data/dataset.h"

namespace diffeo {

// The sets that the files of a source hold: "train" always, "test" where there is one. Every set is
// checked against the configuration: shape, type, as many labels as examples, labels below the
// number of classes, finite numbers, at least one example. Throws Exit::kData.
std::map<std::string, Dataset> read_splits(const Cifar10Config& config, uint64_t seed);
std::map<std::string, Dataset> read_splits(const IdxConfig& config, uint64_t seed);
std::map<std::string, Dataset> read_splits(const NpyConfig& config, uint64_t seed);
std::map<std::string, Dataset> read_splits(const CsvConfig& config, uint64_t seed);
std::map<std::string, Dataset> read_splits(const ImagesConfig& config, uint64_t seed);

}  // namespace diffeo
