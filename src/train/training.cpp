#include "train/training.h"


namespace diffeo {

Training::Training(const Config& config, const TrainOptions& options, Console& console)
    : config_(config),
      options_(options),
      console_(console),
      log_(console),
      unit_(config.data),
      data_(load_data(config.data, static_cast<uint64_t>(config.seed))),
      learner_(config, build_flow(config, at::TensorOptions(at::kFloat).device(options.device))),
      forked_from_(load_fork()),
      directory_(options.run, options.resume),
      saver_(CheckpointStore(directory_.checkpoints()), config.train.keep, log_),
      pictures_(config, data_, directory_.samples()),
      stop_(options.max_seconds) {}

TrainResult Training::run() {
  begin();
  try {
    do_what_is_due();  // an earlier process may have been stopped before it
    while (state_.step < config_.train.steps) {
      stop_.poll();
      take_step();
      do_what_is_due();
    }
    finish();
  } catch (const Error& error) {
    if (error.exit() == Exit::kStopped) return stopped(error.what());
    summarise(error.exit() == Exit::kDiverged ? "diverged" : "failed", error.what());
    throw;
  }
  return {Exit::kDone, summary_};
}

void Training::take_step() {
  Stopwatch watch;
  StepReport report = learner_.step(data_.training->at(state_.step, config_.train.batch_size));
  if (options_.device.is_cpu()) require_finite();  // costs nothing there
  interval_.add(report);
  ++state_.step;
  state_.examples += config_.train.batch_size;
  is_saved_ = false;
  newest_.reset();
  step_seconds_ += watch.seconds();
  show_progress();
}

void Training::do_what_is_due() {
  const TrainConfig& train = config_.train;
  if (is_due(train.log_every) && !interval_.empty()) log_interval();
  bool is_last = state_.step >= train.steps;
  if ((is_due(train.evaluate_every) || is_last) && state_.evaluated < state_.step) evaluate_held_out();
  if ((is_due(train.sample_every) || is_last) && state_.sampled < state_.step) draw_samples();
  if (!is_saved_ && (is_due(train.checkpoint_every) || is_last || is_best_here())) save();
}

void Training::finish() {
  require(is_saved_, "the last checkpoint could not be saved");
  if (!interval_.empty()) log_interval();
  evaluate_test();
  summarise("done", joined("all ", config_.train.steps, " steps"));
  log_.info(joined("done after ", span_text(seconds()), ": ", directory_.path().string()));
}

TrainResult Training::stopped(const std::string& reason) {
  if (!is_saved_) save();
  require(is_saved_, reason, ", but the checkpoint could not be saved");
  summarise("stopped", reason);
  log_.info(joined(reason, " after step ", state_.step, " of ", config_.train.steps, "; ", directory_.path().string(),
                   " holds a checkpoint, and --resume goes on from it"));
  return {Exit::kStopped, summary_};
}

TrainResult train(const Config& config, const TrainOptions& options, Console& console) {
  if (!options.resume) require_free(options.run);
  return Training(config, options, console).run();
}

}  // namespace diffeo
