#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>

#include "inference/load_flow.h"
#include "io/durable.h"
#include "runs/resume_rules.h"
#include "terminal/hardware.h"
#include "train/training.h"

namespace diffeo {
namespace {

void warn_of_change(const std::string& what, const std::string& before, const std::string& now,
                    const Warn& warn) {
  if (before == now) return;
  warn(joined("the run goes on with another ", what, " (", before, " before, ", now,
              " now), so its numbers will be rounded differently"));
}

}  // namespace

Warn Training::warn() {
  return [this](const std::string& message) { log_.warn(message); };
}

void Training::begin() {
  log_.also_to(directory_.path() / "train.log");
  std::optional<std::filesystem::path> latest;
  if (options_.resume) latest = saver_.store().latest(warn());
  state_.seed = config_.seed;
  state_.threads = at::get_num_threads();
  state_.device = hardware_text(options_.device);
  state_.libtorch = TORCH_VERSION;
  latest ? begin_from(*latest) : begin_anew();
  directory_.describe(to_yaml(config_), options_.command, state_.device);
  remove_durably(directory_.path() / "summary.json");
  log_.info(joined(learner_.flat().count(), " parameters on ", state_.device, ", ",
                   config_.train.steps, " steps of ", config_.train.batch_size, " ",
                   unit_.examples()));
  first_step_ = state_.step;
  progress_.steps = config_.train.steps;
  progress_.examples = unit_.examples();
}

void Training::begin_anew() {
  metrics_.emplace(directory_.path() / "metrics.jsonl", 0);
  std::string start =
      joined(options_.resume ? "no checkpoint to resume, starting a run in " : "starting a run in ",
             directory_.path().string());
  if (!forked_from_.empty())
    return log_.info(joined(start, " from the weights of ", forked_from_.string()));
  log_.info(start);
  learner_.initialise(data_.training->at(0, config_.train.examples_of_start()));
}

void Training::begin_from(const std::filesystem::path& path) {
  Checkpoint saved = read_checkpoint(path);
  check_resumable(stored_config(saved, path), config_, warn());
  warn_of_change("number of threads", std::to_string(saved.state.threads),
                 std::to_string(state_.threads), warn());
  warn_of_change("device", saved.state.device, state_.device, warn());
  warn_of_change("LibTorch", saved.state.libtorch, state_.libtorch, warn());
  learner_.load_weights(saved.weights, path.string());
  learner_.load_optimizer(saved.optimizer, saved.state.step, path.string());
  saved.state.threads = state_.threads;
  saved.state.device = state_.device;
  saved.state.libtorch = state_.libtorch;
  state_ = saved.state;
  saved_best_ = state_.best;
  earlier_seconds_ = state_.seconds;
  interval_ = Interval(state_.interval);
  is_saved_ = true;
  metrics_.emplace(directory_.path() / "metrics.jsonl", state_.lines);
  log_.info(joined("resuming ", directory_.path().string(), " after step ", state_.step));
}

std::filesystem::path Training::load_fork() {
  bool goes_on = options_.resume && !CheckpointStore(options_.run / "checkpoints").steps().empty();
  if (!options_.fork || goes_on) return {};
  std::filesystem::path path = locate_checkpoint(*options_.fork, warn());
  learner_.load_weights(read_checkpoint(path).weights, path.string());
  return path;
}

}  // namespace diffeo
