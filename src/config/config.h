#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/objective_config.h"
#include "config/optimizer_config.h"
#include "config/train_config.h"
#include "core/base.h"
#include "data/data_config.h"
#include "flow/context_reader.h"
#include "transforms/layers.h"

namespace diffeo {

// A whole run: what one YAML file says.
struct Config {
  static constexpr const char* kDoc = "A normalizing flow, its data and its training.";
  int64_t seed = 0;
  DataConfig data;
  std::vector<Layer> flow;
  Base base = Base::kNormal;
  std::optional<ContextConfig> features = {};
  ObjectiveUnit objective = ObjectiveUnit::kNats;
  PenaltyConfig penalty;
  OptimizerConfig optimizer;
  TrainConfig train;

  template <class Archive>
  void fields(Archive& ar) {
    ar("seed", seed, "of the starting weights, the batches and all noise", at_least(0));
    ar.required("data", data, "where the examples come from");
    ar.required("flow", flow, "the layers, from data to noise");
    ar("base", base, "density at the noise end");
    ar("features", features,
       "what layers with context: features read, of the context columns of the data");
    ar("objective", objective,
       "unit of the loss, -mean log p; it scales gradients, clipping and epsilon");
    ar("penalty", penalty, "L2 term beside the likelihood");
    ar("optimizer", optimizer, "how the weights follow the gradient");
    ar("train", train, "length of the training, and what is done on the way");
  }
};

// Reads a configuration: defaults, then the file, then the overrides ("train.steps=100",
// "flow[2].times=32", "flow.**.hidden=128"). Throws one Error (Exit::kUsage) with a line for each
// mistake found,
//
//   glow.yaml:4:3: optimizer: unknown key 'learning_rte' of adam, did you mean 'learning_rate'?
//
// in the order of their places. `notes` receives what the user should be told of a reading that
// went well: how many values each pattern has set.
Config read_config(const std::string& path, const std::vector<std::string>& overrides = {},
                   std::vector<std::string>* notes = nullptr);

// The same from text. `name` stands in messages for the file.
Config parse_config(const std::string& text, const std::string& name = "config",
                    const std::vector<std::string>& overrides = {},
                    std::vector<std::string>* notes = nullptr);

// The configuration with overrides, read as if `config` had stood in the file `name`.
Config overridden(const Config& config, const std::string& name,
                  const std::vector<std::string>& overrides);

// A data section alone, such as "{source: npy, path: x.npy, shape: [2]}".
DataConfig parse_data(const std::string& text, const std::string& name);

// A layer list alone, such as "[{type: squeeze}]", for programs and tests that need no more.
std::vector<Layer> parse_layers(const std::string& text, const std::string& name = "layers");

// The resolved configuration, every field, defaults included. Reads back as the same.
std::string to_yaml(const Config& config);

// A data section on one line, in braces, without the keys that have their defaults.
std::string to_one_line(const DataConfig& config);

}  // namespace diffeo
