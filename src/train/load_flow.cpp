#include "train/load_flow.h"

#include "io/files.h"
#include "train/manifest.h"
#include "train/model.h"

namespace diffeo {
namespace {

constexpr const char* kConfigName = "config.yaml";
constexpr uint64_t kMostConfigBytes = uint64_t{16} << 20;

bool is_average(const std::string& name) { return name.starts_with(kAveragePrefix); }

// Parameters and buffers by their plain names, averages in place of parameters where wanted.
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

}  // namespace

Config stored_config(const std::filesystem::path& checkpoint) {
  verify_manifest(checkpoint, {kConfigName});
  std::filesystem::path file = checkpoint / kConfigName;
  std::string text = read_file(file, kMostConfigBytes, Exit::kCheckpoint);
  try {
    return parse_config(text, file.string());
  } catch (const Error& error) {
    fail(Exit::kCheckpoint, "the checkpoint's configuration cannot be read: ", error.what());
  }
}

LoadedFlow load_flow(const std::string& argument, const at::TensorOptions& options, Weights weights, const Warn& warn) {
  LoadedFlow loaded;
  loaded.path = locate_checkpoint(argument, warn);
  Checkpoint checkpoint = read_checkpoint(loaded.path);
  loaded.config = stored_config(loaded.path);
  loaded.state = checkpoint.state;
  loaded.averaged = weights == Weights::kAverage && has_averages(checkpoint.weights);
  loaded.flow = build_flow(loaded.config, options);
  NamedTensors chosen = chosen_weights(checkpoint.weights, loaded.averaged);
  assign_tensors(chosen, named_tensors(*loaded.flow), loaded.path.string());
  return loaded;
}

}  // namespace diffeo
