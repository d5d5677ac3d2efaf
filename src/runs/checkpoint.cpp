#include "runs/checkpoint.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "io/durable.h"
#include "io/files.h"
#include "io/json.h"
#include "learn/named_weights.h"
#include "runs/format1.h"
#include "runs/manifest.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kConfig = "config.yaml";
constexpr uint64_t kMaxConfig = uint64_t{16} << 20;

std::vector<std::string> checkpoint_files() { return {kWeights, kOptimizer, kState, kConfig}; }

// Gives the large files of the checkpoint `from` a second name in `to`. Not all file systems can.
bool link_tensors(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (const char* file : {kWeights, kOptimizer}) {
    fs::create_hard_link(from / file, to / file, error);
    if (error) break;
  }
  if (!error) return true;
  std::error_code ignored;
  for (const char* file : {kWeights, kOptimizer}) fs::remove(to / file, ignored);
  return false;
}

// `earlier`: a checkpoint with the same tensors, if there is one.
void fill(const fs::path& directory, const Checkpoint& checkpoint,
          const std::optional<fs::path>& earlier) {
  bool is_linked = earlier && link_tensors(*earlier, directory);
  if (!is_linked) {
    save_safetensors(directory / kWeights, checkpoint.weights);
    save_safetensors(directory / kOptimizer, checkpoint.optimizer);
  }
  save_json(directory / kState, to_json(checkpoint.state));
  write_durably(directory / kConfig, checkpoint.config);
  if (is_linked) write_manifest_as(*earlier, directory, {kState, kConfig});
  else write_manifest(directory, checkpoint_files());
}

NamedTensors finite_tensors(const fs::path& file) {
  NamedTensors tensors = load_safetensors(file, Exit::kCheckpoint).tensors;
  require_finite(tensors, file.string());
  return tensors;
}

}  // namespace

void write_checkpoint(const fs::path& directory, const Checkpoint& checkpoint, Parts parts) {
  std::optional<fs::path> earlier;
  if (parts == Parts::kStateAlone) earlier = directory;
  write_directory_durably(directory,
                          [&](const fs::path& temporary) { fill(temporary, checkpoint, earlier); });
}

std::string read_checkpoint_config(const fs::path& directory) {
  verify_manifest(directory, {kConfig});
  return read_file(directory / kConfig, kMaxConfig, Exit::kCheckpoint);
}

Checkpoint read_checkpoint(const fs::path& directory) {
  Checkpoint checkpoint;
  checkpoint.format = verify_manifest(directory, checkpoint_files());
  fs::path state = directory / kState;
  checkpoint.state = training_state(load_json(state, Exit::kCheckpoint), state.string());
  checkpoint.config = read_file(directory / kConfig, kMaxConfig, Exit::kCheckpoint);
  checkpoint.weights = finite_tensors(directory / kWeights);
  checkpoint.optimizer = finite_tensors(directory / kOptimizer);
  if (checkpoint.format == 1) {
    checkpoint.weights = renamed_of_format1(checkpoint.weights);
    checkpoint.optimizer = renamed_of_format1(checkpoint.optimizer);
  }
  return checkpoint;
}

NamedTensors weights_for(const NamedTensors& model, const Checkpoint& checkpoint) {
  NamedTensors weights = checkpoint.weights;
  if (checkpoint.format == 1) add_flags_of_format1(weights, model);
  return weights;
}

}  // namespace diffeo
