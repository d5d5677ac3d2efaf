#include "commands/bench_subject.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "commands/operator_record.h"
#include "config/configured_flow.h"
#include "config/data_checks.h"
#include "core/tensor_memory.h"
#include "data/host.h"
#include "learn/objective.h"
#include "runs/checkpoint.h"
#include "terminal/stopwatch.h"

namespace diffeo {
namespace {

constexpr int64_t kRandomBytes = int64_t{1} << 24;  // about, in the random data

Dataset random_examples(const Config& config) {
  Shape shape = data_shape(config.data);
  int64_t count = std::clamp<int64_t>(kRandomBytes / numel(shape), 2 * config.train.batch_size,
                                      int64_t{16} * config.train.batch_size);
  SeededNoise noise(static_cast<uint64_t>(config.seed));
  Tensor like = at::empty(batched(count, shape), host_options(at::kFloat));
  Dataset data{data_is_image(config.data) ? (noise.uniform("examples", like) *
                                             static_cast<double>(expected_levels(config)))
                                                .to(at::kByte)
                                          : noise.normal("examples", like),
               {}};
  int64_t classes = data_classes(config.data);
  if (classes > 0) data.labels = at::arange(count, host_options(at::kLong)) % classes;
  auto columns = static_cast<int64_t>(data_context(config.data).size());
  if (columns > 0)
    data.context = noise.normal("context", at::empty({count, columns}, host_options(at::kFloat)));
  return data;
}

BenchData random_data(const Config& config, const std::string& why) {
  AugmentConfig augment;
  std::visit(
      [&](const auto& source) {
        if constexpr (requires { source.augment; }) augment = source.augment;
      },
      config.data);
  return {std::make_unique<EpochBatches>(random_examples(config), augment,
                                         static_cast<uint64_t>(config.seed)),
          why};
}

}  // namespace

BenchData bench_data(const Config& config, bool random) {
  if (random) return random_data(config, "asked for");
  try {
    return {std::move(fitting_data(config).training), ""};
  } catch (const Error& error) {
    if (error.exit() != Exit::kData) throw;
    return random_data(config, error.what());
  }
}

BenchSubject::BenchSubject(const Config& config, BenchData& data, c10::Device device,
                           const std::optional<std::string>& checkpoint)
    : config_(config), batches_(*data.batches) {
  TensorMemory memory(device);
  Stopwatch watch;
  at::TensorOptions options = at::TensorOptions(at::kFloat).device(device);
  learner_ = std::make_unique<Learner>(config_, build_flow(config_, options));
  if (checkpoint) {
    Checkpoint saved = read_checkpoint(*checkpoint);
    learner_->load_weights(weights_for(learner_->weights(), saved), *checkpoint);
  } else learner_->initialise(batches_.at(0, config_.train.examples_of_start()));
  draw_batch();
  train();
  wait_for(device);
  seconds_to_first_step_ = watch.seconds();
  memory.forget_peak();
  train();
  wait_for(device);
  peak_bytes_ = memory.peak();
}

void BenchSubject::train() { learner_->step(batch_); }

void BenchSubject::passes() { learner_->backward(0, batch_); }

void BenchSubject::pass(const Observer& observer) {
  int64_t count = config_.train.examples_in_pass();
  Batch part = batch_.narrow(0, count);
  SeededNoise noise(0);
  Pass pass{.mode = Mode::kTrain, .noise = &noise, .observer = observer};
  objective_of(learner_->flow(), part.to(options()), pass, config_.objective).loss.backward();
}

void BenchSubject::forward() {
  at::NoGradGuard no_grad;
  Batch here = batch_.to(options());
  SeededNoise noise(0);
  learner_->flow().log_prob(here.x, here.pass().with_noise(noise));
}

SampleOptions BenchSubject::sampling() const {
  return {.count = examples(),
          .batch_size = config_.train.examples_in_pass(),
          .classes = data_classes(config_.data),
          .given = batch_.context};
}

void BenchSubject::sample() { diffeo::sample(learner_->flow(), sampling()); }

void BenchSubject::draw_batch() { batch_ = batches_.at(drawn_++, config_.train.batch_size); }

std::map<std::string, double> BenchSubject::inverse_evaluations() {
  at::NoGradGuard no_grad;
  std::map<std::string, double> means;
  Tensor latents =
      sample_latents(learner_->flow(), sampling(), 0, config_.train.examples_in_pass());
  Batch here = batch_.narrow(0, latents.size(0)).to(options());
  SeededNoise noise(0);
  Pass pass = here.pass().with_noise(noise);
  std::map<std::string, Transform*> layers;
  for (const auto& module : learner_->flow().modules()) {
    if (auto* layer = dynamic_cast<Transform*>(module.get())) layers[layer->path()] = layer;
  }
  pass.observer = [&](const Report& report) {
    Tensor evaluations =
        layers.at(report.path)->inverse_evaluations(report.input, report.pass.with_observer({}));
    if (evaluations.defined())
      means[report.path] = evaluations.to(at::kDouble).mean().item<double>();
  };
  learner_->flow().decode(latents, pass);
  return means;
}

double BenchSubject::state_bytes() const {
  return static_cast<double>(batch_.x.numel()) * static_cast<double>(options().dtype().itemsize());
}

}  // namespace diffeo
