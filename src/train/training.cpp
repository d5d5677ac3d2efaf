#include "train/training.h"

#include "config/outline.h"
#include "inference/load_flow.h"
#include "runs/resume_rules.h"

namespace diffeo {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Refuses what needs no data to be refused. What is wrong with the checkpoint itself is found, and
// told, later.
void check_start(const Config& config, const TrainOptions& options) {
  Warn later = [](const std::string&) {};
  CheckpointStore store(options.run / "checkpoints");
  bool goes_on = options.resume && !store.steps().empty();
  if (!options.resume) require_free(options.run);
  if (options.fork && !goes_on) locate_checkpoint(*options.fork, later);
  if (!goes_on) return;
  RunLock lock(options.run);  // another writer removes old checkpoints
  check_resumable(stored_config(*store.latest(later)), config, later);
}

}  // namespace

Training::Training(const Config& config, const TrainOptions& options, Console& console)
    : config_(config),
      options_(options),
      console_(console),
      log_(console),
      unit_(config.data),
      data_(fitting_data(config)),
      learner_(config, build_flow(config, at::TensorOptions(at::kFloat).device(options.device))),
      forked_from_(load_fork()),
      directory_(options.run, options.resume),
      saver_(CheckpointStore(directory_.checkpoints()), config.train.keep, log_),
      pictures_(config, data_, directory_.samples()) {}

TrainResult Training::run() {
  begin();
  try {
    std::optional<std::string> stop = take_steps();
    return stop ? stopped(*stop) : finished();
  } catch (const Error& error) {
    summarise(error.exit() == Exit::kDiverged ? "diverged" : "failed", error.what());
    throw;
  } catch (const std::exception& error) {  // of LibTorch, which adds a stack trace
    summarise("failed", first_line(error.what()));
    throw;
  }
}

// To the end, or why it was stopped.
std::optional<std::string> Training::take_steps() {
  try {
    do_what_is_due();  // an earlier process may have been stopped before it
    while (state_.step < config_.train.steps) {
      poll();
      take_step();
      do_what_is_due();
      save_if_asked();
    }
    require(is_saved_, "the last checkpoint could not be saved");
    if (!interval_.empty()) log_interval();
    evaluate_test();
    return std::nullopt;
  } catch (const Error& error) {
    if (error.exit() != Exit::kStopped) throw;
    return error.what();
  }
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
  bool is_last = state_.step >= train.steps;
  if (is_due(train.log_every) && !interval_.empty()) log_interval();
  if (!is_saved_ && (is_due(train.checkpoint_every) || is_last))
    save();  // before what may take long or fail
  if ((is_due(train.evaluate_every) || is_last) && state_.evaluated < state_.step)
    evaluate_held_out();
  if ((is_due(train.sample_every) || is_last) && state_.sampled < state_.step) draw_samples();
  if (!is_saved_ && (is_best_here() || is_last)) save();  // with the evaluation
}

void Training::save_if_asked() {
  if (!options_.stop || !options_.stop->take_save_request()) return;
  if (!is_saved_) save();
  if (is_saved_) log_.info(joined("SIGUSR1: saved step ", state_.step, ", the run goes on"));
}

TrainResult Training::finished() {
  summarise("done", joined("all ", config_.train.steps, " steps"));
  log_.info(joined("done after ", span_text(seconds()), ": ", directory_.path().string()));
  return {Exit::kDone, summary_};
}

TrainResult Training::stopped(const std::string& reason) {
  if (!is_saved_) save();
  require(is_saved_, reason, ", but the checkpoint could not be saved");
  summarise("stopped", reason);
  log_.info(joined(reason, " after step ", state_.step, " of ", config_.train.steps, "; ",
                   directory_.path().string(),
                   " holds a checkpoint, and --resume goes on from it"));
  return {Exit::kStopped, summary_};
}

TrainResult train(const Config& config, const TrainOptions& options, Console& console) {
  check_start(config, options);
  return Training(config, options, console).run();
}

}  // namespace diffeo
