#include "data/splits.h"

#include "data/class_numbers.h"

namespace diffeo {

std::map<std::string, Dataset> with_test(Dataset train, std::optional<Dataset> test,
                                         double fraction, uint64_t seed) {
  if (test) return {{"train", train}, {"test", *test}};
  if (fraction == 0) return {{"train", train}};
  Cut parts = cut(train, fraction, seed, "data.test");
  return {{"train", parts.rest}, {"test", parts.part}};
}

std::map<std::string, Dataset> labelled_splits(
    const LabelledFiles& files, uint64_t seed,
    const std::function<LabelledSet(const std::string&)>& read) {
  LabelledSet train = read(files.train);
  ClassNumbers numbers(files.train, train.labels, files.classes);
  auto numbered = [&](const std::string& place, LabelledSet found) {
    if (files.classes > 0) found.set.labels = numbers.labels_of(place, found.labels);
    return found.set;
  };
  std::optional<Dataset> test;
  if (files.test) test = numbered(*files.test, read(*files.test));
  return with_test(numbered(files.train, std::move(train)), test, files.test_fraction, seed);
}

}  // namespace diffeo
