#include "train/journal.h"

#include "io/durable.h"
#include "io/json.h"
#include "io/shortcomings.h"

namespace diffeo {
namespace {

RunDirectory taken(Start& start, const TrainOptions& options) {
  if (start.directory) return std::move(*start.directory);
  return RunDirectory(options.run, options.resume);
}

std::string exit_text(Exit exit) {
  switch (exit) {
    case Exit::kDone: return "done";
    case Exit::kStopped: return "stopped";
    case Exit::kDiverged: return "diverged";
    default: return "failed";
  }
}

nlohmann::json steps_line(const StepsReport& report, const Unit& unit) {
  double steps = report.sums.at("steps"), nats = report.sums.at("nats") / steps;
  nlohmann::json line{{"steps", steps},
                      {"nats", nats},
                      {"gradient_norm", report.sums.at("gradient_norm") / steps},
                      {"learning_rate", report.learning_rate}};
  if (unit.is_image) line["bits_per_dim"] = unit.of(nats);
  if (report.penalty) line["penalty"] = *report.penalty;
  for (const auto& [name, sum] : report.sums) {
    if (name.starts_with("auxiliary.")) line[name] = sum / steps;
  }
  return line;
}

}  // namespace

Journal::Journal(const Config& config, const Data& data, const TrainOptions& options,
                 Console& console, Start start, const TrainingState& state, int64_t parameters)
    : config_(config),
      options_(options),
      console_(console),
      unit_(config.data),
      parameters_(parameters),
      log_(console),
      directory_(taken(start, options)),
      saver_(CheckpointStore(directory_.checkpoints()), config.train.keep, log_),
      pictures_(config, data, directory_.samples()),
      metrics_(directory_.path() / "metrics.jsonl", state.lines),
      earlier_seconds_(state.seconds),
      first_step_(state.step) {
  progress_.steps = config.train.steps;
  progress_.examples = unit_.examples();
  log_.also_to(directory_.path() / "train.log");
  say_how_it_begins(start, state);
  directory_.describe(to_yaml(config), options.command, state.device);
  remove_durably(directory_.path() / "summary.json");
  log_.info(joined(parameters, " parameters on ", state.device, ", ", config.train.steps,
                   " steps of ", config.train.batch_size, " ", unit_.examples()));
}

void Journal::say_how_it_begins(const Start& start, const TrainingState& state) {
  for (const std::string& warning : take_shortcomings()) log_.warn(warning);
  for (const std::string& warning : start.warnings) log_.warn(warning);
  for (const std::string& note : start.notes) log_.info(note);
  std::string run = directory_.path().string();
  if (start.goes_on) return log_.info(joined("resuming ", run, " after step ", state.step));
  log_.info(
      joined(options_.resume ? "no checkpoint to resume, starting a run in " : "starting a run in ",
             run, start.from.empty() ? "" : " from the weights of ", start.from.string()));
}

void Journal::show(const TrainingState& state, const Interval& interval) {
  progress_.step = state.step;
  double done = static_cast<double>(state.step - first_step_);
  progress_.seconds_left =
      since_start_.seconds() / done * static_cast<double>(progress_.steps - state.step);
  // Before the first line of metrics. Elsewhere it would have to wait for the device.
  if (progress_.examples_per_second == 0 && options_.device.is_cpu()) {
    Interval::Sums sums = interval.sums();
    progress_.value = unit_.text(sums.at("nats") / sums.at("steps"));
  }
  console_.show(progress_);
}

void Journal::add_line(const TrainingState& state, const std::string& kind, nlohmann::json line,
                       nlohmann::json time) {
  line["kind"] = kind;
  line["step"] = state.step;
  line["examples_seen"] = state.examples;
  time["seconds"] = seconds();
  line["time"] = std::move(time);
  metrics_.add(line);
  newest_lines_[kind] = std::move(line);
}

void Journal::add_steps(const TrainingState& state, const StepsReport& report) {
  progress_.value = unit_.text(report.sums.at("nats") / report.sums.at("steps"));
  progress_.examples_per_second = report.examples_per_second;
  add_line(state, "train", steps_line(report, unit_),
           {{"examples_per_second", report.examples_per_second}});
  log_.detail(progress_text(progress_));
}

void Journal::add_score(const TrainingState& state, const Score& score, const std::string& kind) {
  bool has_number = score.fault.empty();
  nlohmann::json line = has_number ? to_json(score.result)
                                   : nlohmann::json{{"nats", nullptr}, {"reason", score.fault}};
  line["split"] = score.split;
  line["weights"] = config_.train.ema_decay > 0 ? "average" : "raw";
  add_line(state, kind, line, {{"evaluation_seconds", score.seconds}});
  if (kind == "test") result_.test = score;
  std::string place = joined("step ", state.step, ": ", score.split);
  if (!has_number)
    return log_.warn(joined(place, " has no number, and the run goes on: ", score.fault));
  bool is_best = kind == "evaluation" && state.best && state.best->step == state.step;
  log_.info(joined(place, " ", unit_.text(score.result), is_best ? ", the best so far" : ""));
}

void Journal::add_drifts(const TrainingState& state, const std::vector<Drift>& drifts) {
  const Drift& largest = largest_of(drifts);
  add_line(state, "memory",
           {{"drift", largest.error}, {"layer", largest.path}, {"kept", state.memory.kept}}, {});
  log_.detail("rebuilt inputs: " + text_of(largest));
  for (const Drift& drift : drifts) {
    if (!drift.is_too_large()) continue;
    log_.warn(joined("train.memory: invert cannot rebuild the input of ", text_of(drift),
                     " of its largest number (the bound is ", kDriftBound,
                     "); it is kept from here on"));
  }
}

void Journal::draw(Flow& flow, int64_t step) {
  try {
    result_.samples = pictures_.write(flow, step, [this] { options_.poll(); });
    for (const auto& path : result_.samples) log_.info("samples: " + path.string());
  } catch (const Error& error) {
    if (error.exit() != Exit::kFailed) throw;
    log_.warn(joined("no picture of step ", step, ": ", error.what()));
  }
}

bool Journal::save(Checkpoint checkpoint) {
  checkpoint.state.lines = metrics_.lines();
  checkpoint.state.seconds = seconds();
  if (!saver_.save(checkpoint, metrics_)) return false;
  log_.detail(joined("saved ", saver_.store().at(checkpoint.state.step).string()));
  return true;
}

void Journal::tell_saved(int64_t step) {
  log_.info(joined("SIGUSR1: saved step ", step, ", the run goes on"));
}

std::string Journal::what_is_left() const {
  std::optional<int64_t> newest = saver_.store().pointed("latest");
  return newest ? "Checkpoints are intact; the newest is " + saver_.store().at(*newest).string()
                : "There is no checkpoint yet";
}

TrainResult Journal::done(const TrainingState& state) {
  result_.exit = Exit::kDone;
  result_.reason = joined("all ", config_.train.steps, " steps");
  write_summary(state);
  log_.info(joined("done after ", span_text(seconds()), ": ", directory_.path().string()));
  return result_;
}

TrainResult Journal::stopped(const TrainingState& state, const std::string& reason) {
  result_.exit = Exit::kStopped;
  result_.reason = reason;
  write_summary(state);
  log_.info(joined(reason, " after step ", state.step, " of ", config_.train.steps, "; ",
                   directory_.path().string(),
                   " holds a checkpoint, and --resume goes on from it"));
  return result_;
}

void Journal::failed(const TrainingState& state, Exit exit, const std::string& reason) {
  result_.exit = exit;
  result_.reason = reason;
  write_summary(state);
}

void Journal::write_summary(const TrainingState& state) {
  result_.step = state.step;
  result_.run = directory_.path();
  result_.best = state.best;
  nlohmann::json summary(newest_lines_);
  summary["exit"] = exit_text(result_.exit);
  summary["reason"] = result_.reason;
  summary["step"] = state.step;
  summary["steps"] = config_.train.steps;
  summary["parameters"] = parameters_;
  summary["run"] = directory_.path().string();
  summary["samples"] = nlohmann::json::array();
  for (const auto& path : result_.samples) summary["samples"].push_back(path.string());
  if (state.best) summary["best"] = {{"nats", state.best->nats}, {"step", state.best->step}};
  if (state.best && unit_.is_image) summary["best"]["bits_per_dim"] = unit_.of(state.best->nats);
  for (const char* pointer : {"latest", "best"}) {
    auto step = saver_.store().pointed(pointer);
    if (step) summary["checkpoints"][pointer] = saver_.store().at(*step).string();
  }
  summary["time"] = {{"seconds", seconds()}};
  try {
    save_json(directory_.path() / "summary.json", summary);
  } catch (const Error& error) {
    log_.warn(error.what());
  }
}

}  // namespace diffeo
