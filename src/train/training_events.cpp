#include "io/json.h"
#include "learn/divergence.h"
#include "learn/schedule.h"
#include "train/training.h"

namespace diffeo {
namespace {

constexpr const char* kCures =
    "\n  Cures: a lower optimizer.learning_rate, more optimizer.schedule.warmup_steps, an "
    "optimizer.clip_norm, or a "
    "coupling whose scale is bounded (form: glow or realnvp)";

Dataset first_examples(const Dataset& data, int64_t count) {
  if (count == 0 || count >= data.size()) return data;
  Tensor labels = data.labels.defined() ? data.labels.narrow(0, 0, count) : data.labels;
  return {data.examples.narrow(0, 0, count), labels};
}

}  // namespace

void Training::require_finite() {
  std::optional<int64_t> bad = learner_.first_bad_step();
  if (!bad) return;
  std::string where =
      explain_divergence(learner_, *bad, data_.training->at(*bad, config_.train.batch_size));
  std::optional<int64_t> newest = saver_.store().pointed("latest");
  std::string intact =
      newest ? "Checkpoints are intact; the newest is " + saver_.store().at(*newest).string()
             : "There is no checkpoint yet";
  fail(Exit::kDiverged, "training diverged in step ", *bad + 1,
       ": the loss or its gradient is not finite; ", where, kCures,
       "\n  Nothing of this step was kept. ", intact);
}

nlohmann::json Training::line(const std::string& kind) const {
  return {{"kind", kind}, {"step", state_.step}, {"examples_seen", state_.examples}};
}

nlohmann::json Training::interval_line(const Interval::Sums& sums) const {
  double steps = sums.at("steps"), nats = sums.at("nats") / steps;
  nlohmann::json json = line("train");
  json["steps"] = steps;
  json["nats"] = nats;
  if (unit_.is_image) json["bits_per_dim"] = unit_.of(nats);
  json["gradient_norm"] = sums.at("gradient_norm") / steps;
  json["learning_rate"] = learning_rate(config_.optimizer, state_.step - 1);
  if (learner_.has_penalty()) json["penalty"] = learner_.penalty();
  for (const auto& [name, sum] : sums) {
    if (name.starts_with("auxiliary.")) json[name] = sum / steps;
  }
  return json;
}

void Training::log_interval() {
  require_finite();
  Stopwatch wait;
  nlohmann::json json = interval_line(interval_.sums());
  step_seconds_ += wait.seconds();
  double examples = static_cast<double>(interval_.fresh_steps() * config_.train.batch_size);
  progress_.value = unit_.text(json["nats"]);
  progress_.examples_per_second = examples / step_seconds_;
  json["time"] = {{"seconds", seconds()}, {"examples_per_second", progress_.examples_per_second}};
  metrics_->add(json);
  summary_["train"] = json;
  log_.detail(progress_text(progress_));
  interval_ = Interval();
  step_seconds_ = 0;
}

Training::Score Training::score_of(const Dataset& data) {
  require_finite();
  AveragedScope averaged(learner_.flat(), learner_.ema());
  Score score;
  try {
    score.result = evaluate(learner_.flow(), data,
                            {.batch_size = config_.train.examples_in_pass(),
                             .seed = static_cast<uint64_t>(config_.seed),
                             .poll = [this] { poll(); }});
  } catch (const Error& error) {
    if (error.exit() != Exit::kDiverged) throw;
    score.fault = error.what();
  }
  score.result.examples = data.size();
  return score;
}

void Training::report(const Score& score, const std::string& split, const std::string& kind,
                      double seconds) {
  const auto& [result, fault] = score;
  nlohmann::json json = line(kind);
  json.update(fault.empty() ? to_json(result)
                            : nlohmann::json{{"nats", nullptr}, {"reason", fault}});
  json["split"] = split;
  json["weights"] = learner_.ema() ? "average" : "raw";
  json["time"] = {{"seconds", this->seconds()}, {"evaluation_seconds", seconds}};
  metrics_->add(json);
  summary_[kind] = json;
  std::string place = joined("step ", state_.step, ": ", split);
  if (!fault.empty())
    return log_.warn(joined(place, " has no number, and the run goes on: ", fault));
  std::string best = kind == "evaluation" && is_best_here() ? ", the best so far" : "";
  log_.info(joined(place, " ", unit_.text(result), best));
}

void Training::evaluate_held_out() {
  Stopwatch watch;
  std::string split = data_.held_out();
  newest_ = score_of(first_examples(data_.split(split), config_.train.evaluate_examples));
  double nats = newest_->result.nats;
  bool is_better = !state_.best || nats < state_.best->nats;
  if (newest_->fault.empty() && is_better) state_.best = Best{nats, state_.step};
  state_.evaluated = state_.step;
  is_saved_ = false;
  report(*newest_, split, "evaluation", watch.seconds());
}

void Training::evaluate_test() {
  Stopwatch watch;
  std::string split = data_.splits.contains("test") ? "test" : data_.held_out();
  bool is_known =
      newest_ && split == data_.held_out() && newest_->result.examples == data_.split(split).size();
  report(is_known ? *newest_ : score_of(data_.split(split)), split, "test", watch.seconds());
}

void Training::draw_samples() {
  require_finite();
  AveragedScope averaged(learner_.flat(), learner_.ema());
  try {
    std::vector<std::string> names;
    for (const auto& path : pictures_.write(learner_.flow(), state_.step, [this] { poll(); })) {
      names.push_back(path.string());
      log_.info("samples: " + path.string());
    }
    summary_["samples"] = names;
  } catch (const Error& error) {
    if (error.exit() != Exit::kFailed) throw;
    log_.warn(joined("no picture of step ", state_.step, ": ", error.what()));
  }
  state_.sampled = state_.step;
  is_saved_ = false;
}

Checkpoint Training::checkpoint() const {
  Checkpoint checkpoint{state_, to_yaml(config_), learner_.weights(), learner_.optimizer_state()};
  checkpoint.state.lines = metrics_->lines();
  checkpoint.state.interval = interval_.sums();
  checkpoint.state.seconds = seconds();
  return checkpoint;
}

// Without its checkpoint the best is of no use: the one before it stays the best.
void Training::save() {
  require_finite();
  is_saved_ = saver_.save(checkpoint(), *metrics_);
  if (!is_saved_) {
    state_.best = saved_best_;
    return;
  }
  saved_best_ = state_.best;
  log_.detail(joined("saved ", saver_.store().at(state_.step).string()));
}

void Training::show_progress() {
  progress_.step = state_.step;
  double done = static_cast<double>(state_.step - first_step_);
  progress_.seconds_left =
      since_start_.seconds() / done * static_cast<double>(progress_.steps - state_.step);
  if (progress_.examples_per_second == 0 &&
      options_.device.is_cpu()) {  // before the first line of metrics
    Interval::Sums sums = interval_.sums();
    progress_.value = unit_.text(sums.at("nats") / sums.at("steps"));
  }
  console_.show(progress_);
}

void Training::summarise(const std::string& exit, const std::string& reason) {
  summary_["exit"] = exit;
  summary_["reason"] = reason;
  summary_["step"] = state_.step;
  summary_["steps"] = config_.train.steps;
  summary_["parameters"] = learner_.flat().count();
  summary_["run"] = directory_.path().string();
  if (state_.best) summary_["best"] = {{"nats", state_.best->nats}, {"step", state_.best->step}};
  if (state_.best && unit_.is_image) summary_["best"]["bits_per_dim"] = unit_.of(state_.best->nats);
  for (const char* pointer : {"latest", "best"}) {
    auto step = saver_.store().pointed(pointer);
    if (step) summary_["checkpoints"][pointer] = saver_.store().at(*step).string();
  }
  summary_["time"] = {{"seconds", seconds()}};
  try {
    save_json(directory_.path() / "summary.json", summary_);
  } catch (const Error& error) {
    log_.warn(error.what());
  }
}

}  // namespace diffeo
