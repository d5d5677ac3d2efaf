#include "train/start.h"

#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>

#include "core/hardware.h"
#include "inference/import_weights.h"
#include "inference/load_flow.h"
#include "learn/named_weights.h"
#include "runs/checkpoint_store.h"
#include "runs/resume_rules.h"

namespace diffeo {
namespace {

Warn into(std::vector<std::string>& warnings) {
  return [&warnings](const std::string& warning) { warnings.push_back(warning); };
}

void warn_of_change(const std::string& what, const std::string& before, const std::string& now,
                    const Warn& warn) {
  if (before == now) return;
  warn(joined("the run goes on with another ", what, " (", before, " before, ", now,
              " now), so its numbers will be rounded differently"));
}

// What a run of format 1 has learned holds, whatever is drawn from here on.
void warn_of_format(int64_t format, const Warn& warn) {
  if (format > 1) return;
  warn(joined("this run was saved in format ", format,
              ", whose noise and batch order followed from the seed by another rule; from here on "
              "both go by the rule of format ",
              kCheckpointFormat, ", and so will its next checkpoints"));
}

// Before the first step, on this machine.
TrainingState first_state(const Config& config, const TrainOptions& options) {
  TrainingState state;
  state.seed = config.seed;
  state.threads = at::get_num_threads();
  state.device = hardware_text(options.device);
  state.libtorch = TORCH_VERSION;
  state.memory.mode = config.train.memory;
  return state;
}

// Where the run was left, gone on with on this machine.
TrainingState continued(const TrainingState& saved, const TrainingState& here, const Warn& warn) {
  warn_of_change("number of threads", std::to_string(saved.threads), std::to_string(here.threads),
                 warn);
  warn_of_change("device", saved.device, here.device, warn);
  warn_of_change("LibTorch", saved.libtorch, here.libtorch, warn);
  TrainingState state = saved;
  state.threads = here.threads;
  state.device = here.device;
  if (here.memory.mode != Memory::kAuto) state.memory.mode = here.memory.mode;
  state.libtorch = here.libtorch;
  return state;
}

// What a model is made of, without averages.
NamedTensors model_tensors(const Learner& learner) {
  NamedTensors tensors = learner.weights();
  std::erase_if(tensors, [](const auto& named) { return named.first.starts_with(kAveragePrefix); });
  return tensors;
}

// The lock comes first: whoever else writes here may remove what is about to be read.
void take_latest(Start& start, const Config& config, const TrainOptions& options) {
  start.directory.emplace(options.run, true);
  Warn warn = into(start.warnings);
  auto latest = CheckpointStore(start.directory->checkpoints()).read_latest(warn);
  if (!latest) return;
  check_resumable(stored_config(latest->checkpoint, latest->path), config, warn);
  start.goes_on = true;
  start.from = latest->path;
  start.saved = std::move(latest->checkpoint);
}

}  // namespace

Start start_of(const Config& config, const TrainOptions& options) {
  Start start;
  if (!options.resume) require_free(options.run);
  if (options.resume && !CheckpointStore(options.run / "checkpoints").steps().empty())
    take_latest(start, config, options);
  if (options.fork && !start.goes_on) {
    start.from = locate_checkpoint(*options.fork, into(start.warnings));
    start.saved = read_checkpoint(start.from);
  }
  return start;
}

void give_first_weights(Learner& learner, const Config& config, const Data& data,
                        const std::optional<ForeignWeights>& init,
                        const std::function<void()>& poll) {
  if (init) {
    const auto& [file, map] = *init;
    learner.load_weights(imported_weights(file, map, model_tensors(learner)), file.string());
    return;
  }
  if (data_is_standardised(config.data)) learner.flow().take_moments(data.split("train").examples);
  learner.initialise(data.training->at(0, config.train.examples_of_start()),
                     [&](const Report&) { poll(); });
}

TrainingState begin(Start& start, const Config& config, const TrainOptions& options,
                    const Data& data, Learner& learner) {
  TrainingState here = first_state(config, options);
  if (!start.saved) {
    give_first_weights(learner, config, data, options.init, [&] { options.poll(); });
    return here;
  }
  Checkpoint saved = *std::exchange(start.saved, std::nullopt);
  learner.load_weights(weights_for(learner.weights(), saved), start.from.string());
  if (!start.goes_on) return here;
  learner.load_optimizer(saved.optimizer, saved.state.step, start.from.string());
  warn_of_format(saved.format, into(start.warnings));
  return continued(saved.state, here, into(start.warnings));
}

}  // namespace diffeo
