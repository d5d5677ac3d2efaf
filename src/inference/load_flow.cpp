#include "inference/load_flow.h"

#include "config/configured_flow.h"
#include "learn/named_weights.h"

namespace diffeo {
namespace {

bool is_average(const std::string& name) { return name.starts_with(kAveragePrefix); }

// Parameters and buffers by their plain names, averages in place of parameters and of running
// moments where wanted.
NamedTensors chosen_weights(const NamedTensors& stored, bool averaged) {
  NamedTensors chosen;
  for (const auto& [name, tensor] : stored) {
    if (!is_average(name)) chosen[name] = tensor;
  }
  if (!averaged) return chosen;
  for (const auto& [name, tensor] : stored) {
    if (is_average(name)) chosen[name.substr(std::string(kAveragePrefix).size())] = tensor;
  }
  return chosen;
}

bool has_averages(const NamedTensors& stored) {
  auto first = stored.lower_bound(kAveragePrefix);
  return first != stored.end() && is_average(first->first);
}

Config parsed(const std::string& text, const std::filesystem::path& checkpoint) {
  try {
    return parse_config(text, (checkpoint / "config.yaml").string());
  } catch (const Error& error) {
    fail(Exit::kCheckpoint, "the checkpoint's configuration cannot be read: ", error.what());
  }
}

}  // namespace

Config stored_config(const std::filesystem::path& checkpoint) {
  return parsed(read_checkpoint_config(checkpoint), checkpoint);
}

Config stored_config(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  return parsed(checkpoint.config, path);
}

std::string LoadedFlow::weights_text() const {
  return joined(averaged ? "averaged " : "", "weights of ", path.string());
}

Metadata LoadedFlow::origin() const {
  return {{"program", joined("diffeo ", DIFFEO_VERSION)},
          {"checkpoint", path.string()},
          {"step", std::to_string(state.step)},
          {"weights", averaged ? "average" : "raw"}};
}

LoadedFlow load_flow(const std::string& argument, const at::TensorOptions& options, Weights weights,
                     const Warn& warn) {
  LoadedFlow loaded;
  loaded.path = locate_checkpoint(argument, warn);
  Checkpoint checkpoint = read_checkpoint(loaded.path);
  loaded.config = stored_config(checkpoint, loaded.path);
  loaded.state = checkpoint.state;
  loaded.averaged = weights == Weights::kAverage && has_averages(checkpoint.weights);
  loaded.flow = build_flow(loaded.config, options);
  NamedTensors model = named_tensors(*loaded.flow);
  NamedTensors chosen = chosen_weights(weights_for(model, checkpoint), loaded.averaged);
  assign_tensors(chosen, model, loaded.path.string());
  return loaded;
}

}  // namespace diffeo
