#include "config/moment_checks.h"

#include "nets/batch_start.h"

namespace diffeo {
namespace {

const TakesMoments* takes_moments(const std::shared_ptr<torch::nn::Module>& module) {
  return dynamic_cast<const TakesMoments*>(module.get());
}

// What gives this module a single number, and the cure; empty: nothing does. The start takes its
// batch whole, a step takes it in the passes that it accumulates.
std::string fault_of(const TakesMoments& module, const TrainConfig& train) {
  if (module.numbers_an_example() > 1) return {};
  if (train.examples_of_start() == 1) {
    return joined("its start takes a deviation over ",
                  train.initialise_examples == 1 ? "train.initialise_examples" : "train.batch_size",
                  ": 1 example, and one number has none; set train.initialise_examples to some "
                  "hundreds, at least 2");
  }
  if (module.at_every_step() && train.examples_in_pass() == 1) {
    return joined("every pass takes a deviation over train.batch_size / train.accumulate = ",
                  train.batch_size, " / ", train.accumulate,
                  " = 1 example, and one number has none; set train.batch_size higher or "
                  "train.accumulate lower");
  }
  return {};
}

}  // namespace

void require_moments(const TrainConfig& train, const Flow& flow) {
  std::string first;
  int64_t count = 0;
  for (const auto& module : flow.modules(/*include_self=*/false)) {
    const TakesMoments* found = takes_moments(module);
    std::string fault = found ? fault_of(*found, train) : "";
    if (fault.empty()) continue;
    if (++count == 1) first = found->moments_path() + ": " + fault;
  }
  std::string others = count > 1 ? joined(" (and ", count - 1, " more in this flow)") : "";
  require(count == 0, Exit::kUsage, first, others);
}

}  // namespace diffeo
