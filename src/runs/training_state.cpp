#include "runs/training_state.h"

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace diffeo {
namespace {

using nlohmann::json;

json memory_json(const MemoryPlan& plan) {
  return {{"mode", name_of(plan.mode)}, {"kept", plan.kept}};
}

MemoryPlan memory_of(const json& state) {
  MemoryPlan plan;
  if (!state.contains("memory")) return plan;
  const json& value = state.at("memory");
  plan.kept = value.at("kept").get<std::set<std::string>>();
  auto mode = value.at("mode").get<std::string>();
  for (auto [name, candidate] : EnumNames<Memory>::names) {
    if (mode == name && candidate != Memory::kAuto) {
      plan.mode = candidate;
      return plan;
    }
  }
  fail(Exit::kCheckpoint, "memory.mode: expected store, recompute or invert, found ", mode);
}

json best_json(const std::optional<Best>& best) {
  return best ? json{{"nats", best->nats}, {"step", best->step}} : json(nullptr);
}

std::optional<Best> best_of(const json& value) {
  if (value.is_null()) return std::nullopt;
  return Best{value.at("nats").get<double>(), value.at("step").get<int64_t>()};
}

}  // namespace

json to_json(const TrainingState& state) {
  return {{"format", kCheckpointFormat},
          {"program", DIFFEO_VERSION},
          {"step", state.step},
          {"updates", state.step},
          {"examples", state.examples},
          {"evaluated", state.evaluated},
          {"sampled", state.sampled},
          {"lines", state.lines},
          {"best", best_json(state.best)},
          {"interval", state.interval},
          {"seed", state.seed},
          {"threads", state.threads},
          {"device", state.device},
          {"libtorch", state.libtorch},
          {"memory", memory_json(state.memory)},
          {"time", {{"seconds", state.seconds}}}};
}

TrainingState training_state(const json& value, const std::string& place) {
  try {
    TrainingState state;
    value.at("step").get_to(state.step);
    value.at("examples").get_to(state.examples);
    value.at("evaluated").get_to(state.evaluated);
    value.at("sampled").get_to(state.sampled);
    value.at("lines").get_to(state.lines);
    state.best = best_of(value.at("best"));
    value.at("interval").get_to(state.interval);
    value.at("seed").get_to(state.seed);
    value.at("threads").get_to(state.threads);
    value.at("device").get_to(state.device);
    value.at("libtorch").get_to(state.libtorch);
    state.memory = memory_of(value);
    value.at("time").at("seconds").get_to(state.seconds);
    return state;
  } catch (const json::exception& error) {
    fail(Exit::kCheckpoint, place, ": not the state of a training: ", error.what());
  }
}

}  // namespace diffeo
