#include "train/dry_run.h"

#include <ATen/ATen.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>

#include <iomanip>
#include <ranges>

#include "config/data_checks.h"
#include "core/hardware.h"
#include "core/listed.h"
#include "data/data.h"
#include "inference/unit.h"
#include "learn/divergence.h"
#include "terminal/console.h"
#include "terminal/stopwatch.h"
#include "train/start.h"

namespace diffeo {
namespace {

int64_t peak_bytes(c10::Device device) {
  if (!device.is_cpu()) {
    auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return c10::getDeviceAllocator(device.type())
        ->getDeviceStats(device.index())
        .allocated_bytes[all]
        .peak;
  }
  struct rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{1024} * usage.ru_maxrss;
}

// Weights, their gradients, the optimizer's state and the average.
int64_t state_bytes(Learner& learner) {
  int64_t bytes = static_cast<int64_t>(learner.flat().gradients().nbytes());
  for (const auto& [name, tensor] : learner.weights())
    bytes += static_cast<int64_t>(tensor.nbytes());
  for (const auto& [name, tensor] : learner.optimizer_state())
    bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes;
}

double round_trip(Learner& learner, const Batch& batch) {
  at::NoGradGuard no_grad;
  Batch here = batch.to(learner.options());
  Pass pass = here.pass();
  Flow& flow = learner.flow();
  return (flow.decode(flow.encode(here.x, pass), pass) - here.x).abs().max().item<double>();
}

std::string megabytes(int64_t bytes) { return joined((bytes + (int64_t{1} << 19)) >> 20, " MiB"); }

}  // namespace

DryRun dry_run(const Config& config, c10::Device device,
               const std::optional<ForeignWeights>& init) {
  Data data = fitting_data(config);
  std::vector<MemoryNeed> needs = memory_needs(config, device, data);
  MemoryChoice choice = choice_among(needs, memory_bytes(device));
  Learner learner(config, build_flow(config, at::TensorOptions(at::kFloat).device(device)));
  if (config.train.memory == Memory::kAuto) learner.flow().set_memory({choice.mode});
  Batch batch = data.training->at(0, config.train.batch_size);
  give_first_weights(learner, config, data, init, [] {});
  double nats = learner.step(batch).nats.item<double>();
  if (learner.first_bad_step()) {
    fail(Exit::kDiverged, "dry run: the first step would leave numbers that are not finite; ",
         explain_divergence(learner, 0, batch));
  }
  Stopwatch watch;
  learner.step(data.training->at(1, config.train.batch_size));
  learner.first_bad_step();  // waits for the device
  double seconds = watch.seconds();
  Unit unit(config.data);
  DryRun found{.parameters = learner.flat().count(),
               .shape = learner.flow().shape(),
               .batch_size = config.train.batch_size,
               .steps = config.train.steps,
               .loss = joined(std::setprecision(4), unit.of(nats), " ", unit.name()),
               .round_trip = round_trip(learner, batch),
               .seconds_per_step = seconds,
               .state_bytes = state_bytes(learner),
               .peak_bytes = peak_bytes(device),
               .needs = needs,
               .choice = choice,
               .doubts = data_doubts(config, data)};
  for (const Segment& segment : learner.flow().latents()) found.latents.push_back(segment.shape);
  return found;
}

std::string text_of(const DryRun& found) {
  auto latents = found.latents | std::views::transform([](const Shape& s) { return to_string(s); });
  double seconds = found.seconds_per_step * static_cast<double>(found.steps);
  return joined(
      std::setprecision(4), "parameters  ", found.parameters, "\nbatch       ", found.batch_size,
      " x ", to_string(found.shape), "\nlatents     ", listed(latents, " + "), "\nloss        ",
      found.loss, "\nround trip  ", found.round_trip, " off at most", "\ntime        ",
      found.seconds_per_step, " s a step, ", span_text(seconds), " for ", found.steps,
      " steps without evaluations and pictures", "\nmemory      ", megabytes(found.state_bytes),
      " of weights, gradients, moments and average; ", megabytes(found.peak_bytes),
      " at the peak\npredicted   ", text_of(found.needs),
      " of tensors at the peak, by train.memory\n            ", found.choice.reason, "\n");
}

}  // namespace diffeo
