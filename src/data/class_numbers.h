#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// The numbers of classes that files name by words: what the training's labels are called, in the
// alphabet's order. Labels that are all whole numbers stand for themselves.
class ClassNumbers {
 public:
  // Throws Exit::kData, `place` first, where there are more words than `classes`.
  ClassNumbers(const std::string& place, const std::vector<std::string>& labels, int64_t classes);

  // -> [N] int64. Throws Exit::kData, `place` first, for a word that no training example has, and
  // for a number that is not below `classes`.
  Tensor labels_of(const std::string& place, const std::vector<std::string>& labels) const;

 private:
  std::map<std::string, int64_t> numbers_;
  bool are_whole_ = true;
  int64_t classes_;
};

}  // namespace diffeo
