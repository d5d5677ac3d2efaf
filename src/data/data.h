#pragma once

#include <map>
#include <string>

#include "data/batches.h"
#include "data/data_config.h"

namespace diffeo {

// Everything a configuration's `data` section stands for, in memory.
struct Data {
  std::unique_ptr<Batches> training;
  std::map<std::string, Dataset>
      splits;  // whole and in order: "train" (not of a density), "validation", "test"
  std::shared_ptr<const Density>
      density;  // what synthetic data are drawn from; null: the density is not known

  // What the user should know of how the sets were read, a sentence each.
  std::vector<std::string> notes() const;

  // Throws Exit::kUsage for a name that is not there, naming those that are.
  const Dataset& split(const std::string& name) const;

  // The split that training watches: validation where one was cut, else test. Throws where nothing
  // is held out.
  std::string held_out() const;
};

// Reads what the configuration names, checks every example and label against it, and cuts the
// splits by (seed, fraction). Throws Exit::kData: the file, what was expected, what was found.
Data load_data(const DataConfig& config, uint64_t seed);

}  // namespace diffeo
