#include "data/data.h"

#include <ATen/ATen.h>

#include <ranges>
#include <set>

#include "core/error.h"
#include "core/listed.h"
#include "data/host.h"
#include "data/sources.h"

namespace diffeo {
namespace {

Data loaded(const SyntheticConfig& config, uint64_t seed) {
  Data data;
  data.density = make_density(config.density);
  data.training = std::make_unique<FreshBatches>(data.density, seed);
  SeededNoise noise(seed_of(seed, "data.test"));
  data.splits["test"] = {
      data.density->sample(config.evaluation_examples, noise, host_options(at::kFloat)), {}};
  return data;
}

template <class Files>
Data loaded(const Files& config, uint64_t seed) {
  Data data;
  data.splits = read_splits(config, seed);
  Dataset& train = data.splits.at("train");
  if (config.validation > 0) {
    Cut parts = cut(train, config.validation, seed, "data.validation");
    data.splits["validation"] = parts.part;
    train = parts.rest;
  }
  AugmentConfig augment;  // of images alone
  if constexpr (requires { config.augment; }) augment = config.augment;
  data.training = std::make_unique<EpochBatches>(train, augment, seed);
  return data;
}

}  // namespace

std::vector<std::string> Data::notes() const {
  std::set<std::string> notes;  // sets that were cut from one have the same
  for (const auto& [name, set] : splits)
    if (!set.note.empty()) notes.insert(set.note);
  return {notes.begin(), notes.end()};
}

const Dataset& Data::split(const std::string& name) const {
  auto found = splits.find(name);
  if (found != splits.end()) return found->second;
  fail(Exit::kUsage, "no split is called ", name,
       "; there are: ", listed_in_words(std::views::keys(splits)));
}

std::string Data::held_out() const {
  for (const char* name : {"validation", "test"}) {
    if (splits.count(name)) return name;
  }
  fail(Exit::kUsage,
       "data: nothing is held out to evaluate on; set data.validation to a fraction of the "
       "training set");
}

Data load_data(const DataConfig& config, uint64_t seed) {
  return std::visit([&](const auto& source) { return loaded(source, seed); }, config);
}

}  // namespace diffeo
