#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace diffeo {

// The sets "train" and, where there is one, "test": `test` itself, else the fraction that is cut
// from `train`.
std::map<std::string, Dataset> with_test(Dataset train, std::optional<Dataset> test,
                                         double fraction, uint64_t seed);

// A set whose labels are still words, one for each example; none where it has no classes.
struct LabelledSet {
  Dataset set;
  std::vector<std::string> labels = {};
};

// Where the sets of a source lie whose classes are named by words.
struct LabelledFiles {
  std::string train;
  std::optional<std::string> test;
  double test_fraction;
  int64_t classes;
};

// The sets that `read` makes of these files, or folders, their classes numbered as the training
// set's are (ClassNumbers).
std::map<std::string, Dataset> labelled_splits(
    const LabelledFiles& files, uint64_t seed,
    const std::function<LabelledSet(const std::string&)>& read);

}  // namespace diffeo
