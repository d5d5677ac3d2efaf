#include "train/dry_run.h"

#include <ATen/ATen.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>

#include <iomanip>
#include <nlohmann/json.hpp>

#include "config/outline.h"
#include "data/data.h"
#include "inference/unit.h"
#include "learn/learner.h"
#include "terminal/console.h"
#include "terminal/stopwatch.h"

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

double round_trip(Learner& learner, const Batch& batch, uint64_t seed) {
  at::NoGradGuard no_grad;
  Batch here = batch.to(learner.options());
  SeededNoise noise(seed, learner.options().device());
  Pass pass{.labels = here.labels, .noise = &noise};
  Flow& flow = learner.flow();
  return (flow.decode(flow.encode(here.x, pass), pass) - here.x).abs().max().item<double>();
}

std::string megabytes(const nlohmann::json& bytes) {
  return joined((bytes.get<int64_t>() + (int64_t{1} << 19)) >> 20, " MiB");
}

}  // namespace

nlohmann::json dry_run(const Config& config, c10::Device device) {
  uint64_t seed = static_cast<uint64_t>(config.seed);
  Data data = fitting_data(config);
  Learner learner(config, build_flow(config, at::TensorOptions(at::kFloat).device(device)));
  Batch batch = data.training->at(0, config.train.batch_size);
  learner.initialise(data.training->at(0, config.train.examples_of_start()));
  double nats = learner.step(batch).nats.item<double>();
  require(!learner.first_bad_step(), Exit::kDiverged,
          "dry run: the loss or its gradient is not finite in the first step");
  Stopwatch watch;
  learner.step(data.training->at(1, config.train.batch_size));
  learner.first_bad_step();  // waits for the device
  double seconds = watch.seconds();
  Unit unit(config.data);
  nlohmann::json latents = nlohmann::json::array();
  for (const Segment& segment : learner.flow().latents()) latents.push_back(segment.shape);
  return {{"parameters", learner.flat().count()},
          {"shape", learner.flow().shape()},
          {"batch_size", config.train.batch_size},
          {"steps", config.train.steps},
          {"latents", latents},
          {"loss", unit.of(nats)},
          {"unit", unit.name()},
          {"round_trip", round_trip(learner, batch, seed)},
          {"seconds_per_step", seconds},
          {"state_bytes", state_bytes(learner)},
          {"peak_bytes", peak_bytes(device)}};
}

std::string dry_run_text(const nlohmann::json& report) {
  std::string latents;
  for (const Shape shape : report.at("latents"))
    latents += (latents.empty() ? "" : " + ") + to_string(shape);
  auto whole = [&](const char* key) { return report.at(key).get<int64_t>(); };
  auto real = [&](const char* key) { return report.at(key).get<double>(); };
  return joined(
      std::setprecision(4), "parameters  ", whole("parameters"), "\nbatch       ",
      whole("batch_size"), " x ", to_string(Shape(report.at("shape"))), "\nlatents     ", latents,
      "\nloss        ", real("loss"), " ", report.at("unit").get<std::string>(), "\nround trip  ",
      real("round_trip"), " off at most", "\ntime        ", real("seconds_per_step"), " s a step, ",
      span_text(real("seconds_per_step") * real("steps")), " for ", whole("steps"),
      " steps without evaluations and pictures", "\nmemory      ",
      megabytes(report.at("state_bytes")), " of weights, gradients, moments and average; ",
      megabytes(report.at("peak_bytes")), " at the peak\n");
}

}  // namespace diffeo
