#include "train/training.h"

#include "config/data_checks.h"
#include "core/hardware.h"
#include "learn/divergence.h"
#include "learn/schedule.h"
#include "train/memory_choice.h"

namespace diffeo {
namespace {

constexpr int64_t kStepsBetweenDrifts = 100;

constexpr const char* kCures =
    "\n  Cures: a lower optimizer.learning_rate, more optimizer.schedule.warmup_steps, an "
    "optimizer.clip_norm, or a coupling whose scale is bounded (form: glow or realnvp)";

// `count` 0: all.
Dataset first_examples(const Dataset& data, int64_t count) {
  return count == 0 ? data : data.first(count);
}

}  // namespace

Training::Training(const Config& config, const TrainOptions& options, const Data& data,
                   Learner& learner, const TrainingState& start, Journal* journal)
    : config_(config),
      options_(options),
      data_(data),
      learner_(learner),
      journal_(journal),
      state_(start),
      interval_(start.interval),
      is_saved_(start.step > 0),
      saved_best_(start.best) {}

void Training::run() {
  for (;;) {
    // Before the first step too: an earlier process may have been stopped with something due.
    if (journal_) do_what_is_due();
    if (state_.step >= config_.train.steps) break;
    options_.poll();
    take_step();
  }
  require_finite();
  if (!journal_) return;
  require(is_saved_, "the last checkpoint could not be saved");
  if (!interval_.empty()) add_interval();
  evaluate_test();
}

void Training::take_step() {
  Stopwatch watch;
  Batch batch = data_.training->at(state_.step, config_.train.batch_size);
  StepReport report = learner_.step(batch);
  if (options_.device.is_cpu()) require_finite();  // costs nothing there
  interval_.add(report);
  ++state_.step;
  state_.examples += config_.train.batch_size;
  is_saved_ = false;
  newest_.reset();
  step_seconds_ += watch.seconds();
  if (state_.step % kStepsBetweenDrifts == 1) watch_drift(batch);
  if (journal_) journal_->show(state_, interval_);
}

// A resumed run measures at the same steps.
void Training::watch_drift(const Batch& batch) {
  std::vector<Drift> drifts = learner_.keep_what_drifts(state_.step - 1, batch);
  state_.memory = learner_.flow().memory();
  if (journal_ && !drifts.empty()) journal_->add_drifts(state_, drifts);
}

void Training::do_what_is_due() {
  const TrainConfig& train = config_.train;
  bool is_last = state_.step >= train.steps;
  if (is_due(train.log_every) && !interval_.empty()) add_interval();
  // What follows may take long or fail, and must not cost the step.
  if (is_due(train.checkpoint_every) || is_last) save();
  if ((is_due(train.evaluate_every) || is_last) && state_.evaluated < state_.step)
    evaluate_held_out();
  if ((is_due(train.sample_every) || is_last) && state_.sampled < state_.step) draw_samples();
  // What was found out of a step that is saved already is added to its checkpoint, weights are not
  // written again.
  bool is_best = state_.best && state_.best->step == state_.step;
  if (is_best || is_last) save();
  bool is_asked = options_.stop && options_.stop->take_save_request();
  if (is_asked && save()) journal_->tell_saved(state_.step);
}

void Training::add_interval() {
  require_finite();
  Stopwatch wait;
  StepsReport report{.sums = interval_.sums(),
                     .learning_rate = learning_rate(config_.optimizer, state_.step - 1)};
  if (learner_.has_penalty()) report.penalty = learner_.penalty();
  step_seconds_ += wait.seconds();
  double examples = static_cast<double>(interval_.fresh_steps() * config_.train.batch_size);
  report.examples_per_second = examples / step_seconds_;
  journal_->add_steps(state_, report);
  interval_ = Interval();
  step_seconds_ = 0;
}

void Training::evaluate_held_out() {
  newest_ = score_of(data_.held_out(), config_.train.evaluate_examples);
  double nats = newest_->result.nats;
  bool is_better = !state_.best || nats < state_.best->nats;
  if (newest_->fault.empty() && is_better) state_.best = Best{nats, state_.step};
  state_.evaluated = state_.step;
  is_saved_ = false;
  journal_->add_score(state_, *newest_, "evaluation");
}

void Training::evaluate_test() {
  std::string split = data_.splits.contains("test") ? "test" : data_.held_out();
  bool is_known =
      newest_ && newest_->split == split && newest_->result.examples == data_.split(split).size();
  journal_->add_score(state_, is_known ? *newest_ : score_of(split, 0), "test");
}

// Over the first so many examples, 0: all.
Score Training::score_of(const std::string& split, int64_t examples) {
  require_finite();
  Stopwatch watch;
  AveragedScope averaged = learner_.averaged();
  Dataset data = first_examples(data_.split(split), examples);
  Score score{.split = split};
  try {
    score.result = evaluate(learner_.flow(), data,
                            {.batch_size = config_.train.examples_in_pass(),
                             .seed = static_cast<uint64_t>(config_.seed),
                             .poll = [this] { options_.poll(); }});
  } catch (const Error& error) {
    if (error.exit() != Exit::kDiverged) throw;
    score.fault = error.what();
  }
  score.result.examples = data.size();
  score.seconds = watch.seconds();
  return score;
}

void Training::draw_samples() {
  require_finite();
  AveragedScope averaged = learner_.averaged();
  journal_->draw(learner_.flow(), state_.step);
  state_.sampled = state_.step;
  is_saved_ = false;
}

bool Training::save() {
  if (is_saved_) return true;
  require_finite_state();
  Checkpoint checkpoint{state_, to_yaml(config_), learner_.weights(), learner_.optimizer_state()};
  checkpoint.state.interval = interval_.sums();
  is_saved_ = journal_->save(std::move(checkpoint));
  // Without its checkpoint the best is of no use: the one before it stays the best.
  if (is_saved_) saved_best_ = state_.best;
  else state_.best = saved_best_;
  return is_saved_;
}

void Training::require_finite() {
  std::optional<int64_t> bad = learner_.first_bad_step();
  if (!bad) return;
  Batch batch = data_.training->at(*bad, config_.train.batch_size);
  std::string where = explain_divergence(learner_, *bad, batch);
  std::string left = journal_ ? " " + journal_->what_is_left() : "";
  fail(Exit::kDiverged, "training diverged in step ", *bad + 1,
       ": it would leave numbers that are not finite; ", where, kCures,
       "\n  Nothing of this step was kept.", left);
}

// The steps leave nothing that is not finite. Data of a start can, before any step is taken.
void Training::require_finite_state() {
  require_finite();
  if (learner_.is_finite()) return;
  fail(Exit::kDiverged, "training diverged: after step ", state_.step, " ",
       learner_.first_not_finite(), kCures, "\n  They were not saved. ", journal_->what_is_left());
}

// ---- a whole run ----

namespace {

// To the last step, or until it is asked to stop.
TrainResult run_or_stop(Training& training, Journal& journal) {
  try {
    training.run();
    return journal.done(training.state());
  } catch (const Error& error) {
    if (error.exit() != Exit::kStopped) throw;
    require(training.save(), error.what(), ", but the checkpoint could not be saved");
    return journal.stopped(training.state(), error.what());
  }
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

TrainResult train(const Config& config, const TrainOptions& options, Console& console) {
  Start start = start_of(config, options);
  options.poll();
  Data data = fitting_data(config);
  for (std::string& doubt : data_doubts(config, data)) start.warnings.push_back(std::move(doubt));
  options.poll();
  std::optional<MemoryChoice> choice;
  if (config.train.memory == Memory::kAuto && !start.goes_on)
    choice = choice_among(memory_needs(config, options.device, data), memory_bytes(options.device));
  options.poll();
  Learner learner(config, build_flow(config, at::TensorOptions(at::kFloat).device(options.device)));
  options.poll();
  TrainingState state = begin(start, config, options, data, learner);
  if (choice) {
    state.memory.mode = choice->mode;
    start.notes.push_back(choice->reason);
  }
  learner.flow().set_memory(state.memory);
  options.poll();
  Journal journal(config, data, options, console, std::move(start), state, learner.flat().count());
  Training training(config, options, data, learner, state, &journal);
  try {
    return run_or_stop(training, journal);
  } catch (const Error& error) {
    journal.failed(training.state(), error.exit(), error.what());
    throw;
  } catch (const std::exception& error) {  // of LibTorch, which adds a stack trace
    journal.failed(training.state(), Exit::kFailed, first_line(error.what()));
    throw;
  }
}

}  // namespace diffeo
