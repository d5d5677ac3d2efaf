#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/batch_progress.h"
#include "commands/commands.h"
#include "commands/devices.h"
#include "commands/model_argument.h"
#include "config/data_checks.h"
#include "core/memory.h"
#include "data/data.h"
#include "inference/evaluation.h"
#include "inference/unit.h"
#include "io/json.h"

namespace diffeo {
namespace {

constexpr int64_t kLeastDraws = 100000;  // of a density, which costs nothing to draw from

struct EvaluateArguments {
  std::string checkpoint, device = "auto";
  Words overrides;
  std::optional<std::string> split;
  std::optional<int64_t> draws, importance_samples, batch_size;
  bool raw = false, json = false;
};

void declare(CommandLine& line, EvaluateArguments& arguments) {
  line.argument("CKPT", arguments.checkpoint, "Run, checkpoint, or RUN:latest, RUN:best, RUN:STEP");
  line.arguments("KEY=VALUE", arguments.overrides,
                 "Changes of the data section: data.path=/elsewhere");
  line.option("--split", "NAME", arguments.split,
              "train, validation or test [test where there is one]");
  line.option("--draws", "D", arguments.draws,
              "Of the dequantization noise for each example, averaged [1]", at_least(1));
  line.option(
      "--importance-samples", "K", arguments.importance_samples,
      "Also the importance-weighted bound by K draws of the noise, tighter than their average",
      at_least(1));
  line.option("--batch-size", "N", arguments.batch_size,
              "Examples at once; changes nothing but memory and time [the training's]",
              at_least(1));
  line.flag("--raw", arguments.raw, "The weights themselves and not their running average");
  line.option("--device", "DEVICE", arguments.device,
              "auto, cpu, cuda or cuda:N [auto: a GPU where there is one]");
  line.flag("--json", arguments.json, "Print JSON");
}

// How often the noise is drawn, and to what end.
void set_draws(EvaluateOptions& options, const EvaluateArguments& arguments) {
  require(!arguments.draws || !arguments.importance_samples, Exit::kUsage,
          "diffeo evaluate: --draws and --importance-samples: expected one of them; importance "
          "samples are also averaged");
  options.importance = arguments.importance_samples.has_value();
  options.draws = options.importance ? *arguments.importance_samples : arguments.draws.value_or(1);
}

void require_same(const char* what, const std::string& trained, const std::string& given) {
  if (trained != given) {
    fail(Exit::kUsage, "diffeo evaluate: the ", what, " of the data: expected ", trained,
         ", as in training, found ", given);
  }
}

// The stored configuration with other data, on which the flow can still work.
DataConfig data_to_score(const LoadedFlow& loaded, const Words& overrides) {
  for (const std::string& override_text : overrides) {
    if (override_text.starts_with("data.")) continue;
    fail(Exit::kUsage, "diffeo evaluate: only data.* can be changed, found '", override_text, "'");
  }
  std::string file = (loaded.path / "config.yaml").string();
  const DataConfig& trained = loaded.config.data;
  DataConfig data = overridden(loaded.config, file, overrides).data;
  require_same("shape", to_string(data_shape(trained)), to_string(data_shape(data)));
  require_same("number of classes", std::to_string(data_classes(trained)),
               std::to_string(data_classes(data)));
  if (auto* synthetic = std::get_if<SyntheticConfig>(&data)) {
    synthetic->evaluation_examples = std::max(synthetic->evaluation_examples, kLeastDraws);
  }
  return data;
}

nlohmann::json as_json(const Evaluation& result, const Data& data, const std::string& split,
                       const LoadedFlow& loaded, int64_t draws) {
  nlohmann::json json = to_json(result);
  json["draws"] = draws;
  if (!result.bits_per_dim) json["bits_per_dim"] = nullptr;
  json["split"] = split;
  json["step"] = loaded.state.step;
  json["weights"] = loaded.averaged ? "average" : "raw";
  if (data.density) json["entropy"] = data.density->entropy();
  return json;
}

void print_evaluation(const Evaluation& result, const Data& data, const std::string& split,
                      const Unit& unit, int64_t draws) {
  std::cout << split << ": " << unit.text(result) << "\n";
  if (result.importance) {
    std::cout << "by " << draws << " importance samples: " << unit.text(*result.importance) << "\n";
  }
  if (data.density)
    std::cout << "entropy: " << unit.text(data.density->entropy())
              << ", the least that is possible\n";
}

void evaluate_as_told(const EvaluateArguments& arguments) {
  EvaluateOptions how;
  set_draws(how, arguments);
  at::TensorOptions options = at::TensorOptions(at::kFloat).device(device_named(arguments.device));
  Weights weights = arguments.raw ? Weights::kRaw : Weights::kAverage;
  LoadedFlow loaded = load_flow(arguments.checkpoint, options, weights, warn_user);
  require(!how.importance || loaded.flow->stochastic(), Exit::kUsage,
          "diffeo evaluate: --importance-samples are of a dequantizer's noise, and this flow has "
          "none: its log p is exact");
  how.seed = static_cast<uint64_t>(loaded.config.seed);
  how.batch_size = arguments.batch_size.value_or(loaded.config.train.examples_in_pass());
  DataConfig data_config = data_to_score(loaded, arguments.overrides);
  Data data = load_data(data_config, how.seed);
  std::string split = arguments.split                ? *arguments.split
                      : data.splits.contains("test") ? "test"
                                                     : data.held_out();
  const Dataset& examples = data.split(split);
  require_levels(loaded.config, examples, split);
  if (std::string doubt = levels_doubt(loaded.config, examples, split); !doubt.empty())
    warn_user(doubt);
  std::cerr << "evaluating " << examples.size() << " examples of " << split << " with the "
            << (loaded.averaged ? "averaged " : "") << "weights of " << loaded.path.string()
            << std::endl;
  int64_t draws = loaded.flow->stochastic() ? how.draws : 1;
  BatchProgress progress(examples.size(), how.batch_size, draws);
  how.poll = [&] { progress.begin_batch(); };
  Evaluation result = evaluate(*loaded.flow, examples, how);
  if (arguments.json)
    std::cout << json_text(as_json(result, data, split, loaded, how.draws), 2) << "\n";
  else print_evaluation(result, data, split, Unit(data_config), how.draws);
}

}  // namespace

void evaluate_command(const Words& words) {
  EvaluateArguments arguments;
  CommandLine line(
      "diffeo evaluate",
      "Scores every example of a split: the mean of -log p with its standard error, in bits/dim "
      "for "
      "images and nats for the rest. Of a known density at least 100,000 fresh draws are scored.",
      "diffeo evaluate runs/quickstart/001:best --split test --draws 4");
  declare(line, arguments);
  if (!line.parse(words)) return;
  within_memory("in evaluating", "cure: a smaller --batch-size, which gives the same result",
                [&] { evaluate_as_told(arguments); });
}

}  // namespace diffeo
