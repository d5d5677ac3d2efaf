#include "commands/scoring_arguments.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "commands/model_argument.h"
#include "config/data_checks.h"

namespace diffeo {
namespace {

constexpr int64_t kLeastDraws = 100000;  // of a density, which costs nothing to draw from

void require_same(const std::string& command, const char* what, const std::string& trained,
                  const std::string& given) {
  require(trained == given, Exit::kUsage, command, ": the ", what, " of the data: expected ",
          trained, ", as in training, found ", given);
}

// The stored configuration with other data, on which the flow can still work.
DataConfig data_for(const LoadedFlow& loaded, const Words& overrides, const std::string& command) {
  for (const std::string& text : overrides) {
    require(text.starts_with("data.") || text.starts_with("data="), Exit::kUsage, command,
            ": only data.* can be changed, found '", text, "'");
  }
  std::string file = (loaded.path / "config.yaml").string();
  const DataConfig& trained = loaded.config.data;
  DataConfig data = overridden(loaded.config, file, overrides).data;
  require_same(command, "shape", to_string(data_shape(trained)), to_string(data_shape(data)));
  if (samples_by_class(loaded.config.flow)) {
    require_same(command, "number of classes", std::to_string(data_classes(trained)),
                 std::to_string(data_classes(data)));
  }
  require_same(command, "number of context columns", std::to_string(data_context(trained).size()),
               std::to_string(data_context(data).size()));
  // What the flow was trained with decides, since its layers read such vectors.
  std::visit(
      [&](auto& source) {
        if constexpr (requires { source.standardise; })
          source.standardise = data_is_standardised(trained);
      },
      data);
  if (auto* synthetic = std::get_if<SyntheticConfig>(&data)) {
    synthetic->evaluation_examples = std::max(synthetic->evaluation_examples, kLeastDraws);
  }
  return data;
}

constexpr const char* kAll = "all";

Tensor joined_rows(const Tensor& first, const Tensor& second) {
  return first.defined() && second.defined() ? at::cat({first, second}) : Tensor();
}

// The training's file, and behind it the test's where there is one.
Dataset everything(const Data& data) {
  auto train = data.splits.find("train"), test = data.splits.find("test");
  if (train == data.splits.end()) return test->second;
  const Dataset& first = train->second;
  if (test == data.splits.end()) return first;
  const Dataset& second = test->second;
  return {at::cat({first.examples, second.examples}), joined_rows(first.labels, second.labels),
          joined_rows(first.context, second.context), first.note};
}

std::string default_split(const Data& data) {
  for (const char* name : {"test", "validation"})
    if (data.splits.contains(name)) return name;
  return data.splits.begin()->first;
}

}  // namespace

void ScoringArguments::declare(CommandLine& line) {
  flow.declare_checkpoint(line);
  line.arguments("KEY=VALUE", overrides,
                 "Changes of the data section (data.path=/elsewhere), or another one: "
                 "'data={source: npy, path: x.npy, shape: [2]}'");
  line.option("--split", "NAME", split,
              "train, validation, test, or all: the files' rows in their order, nothing cut [test "
              "where there is one, else what there is]");
  flow.declare_computing(line, "Examples");
}

ScoreOptions ScoringArguments::options(const LoadedFlow& loaded) const {
  return {.batch_size = flow.examples_at_once(loaded),
          .seed = static_cast<uint64_t>(loaded.config.seed)};
}

void DrawArguments::declare(CommandLine& line) {
  line.option("--draws", "D", draws, "Of the dequantization noise for each example, averaged [1]",
              at_least(1));
  line.option(
      "--importance-samples", "K", importance_samples,
      "Also the importance-weighted bound by K draws of the noise, tighter than their average",
      at_least(1));
}

void DrawArguments::set(ScoreOptions& options, const LoadedFlow& loaded,
                        const std::string& command) const {
  require(!draws || !importance_samples, Exit::kUsage, command,
          ": --draws and --importance-samples: expected one of them; importance samples are also "
          "averaged");
  options.importance = importance_samples.has_value();
  options.draws = options.importance ? *importance_samples : draws.value_or(1);
  require(!options.importance || loaded.flow->stochastic(), Exit::kUsage, command,
          ": --importance-samples are of a dequantizer's noise, and this flow has none: its log p "
          "is exact");
}

ExamplesToScore examples_to_score(const LoadedFlow& loaded, const ScoringArguments& arguments) {
  ExamplesToScore found;
  found.config = data_for(loaded, arguments.overrides, arguments.command);
  bool all = arguments.split == kAll;
  if (all) found.config = uncut(found.config);
  found.data = load_data(found.config, static_cast<uint64_t>(loaded.config.seed));
  if (all) found.data.splits[kAll] = everything(found.data);
  // Other classes than a classifier beside the flow was made for are none to it.
  if (data_classes(found.config) != data_classes(loaded.config.data))
    for (auto& [name, examples] : found.data.splits) examples.labels = Tensor();
  for (const std::string& note : found.data.notes()) warn_user(note);
  found.split = arguments.split.value_or(default_split(found.data));
  require_levels(loaded.config, found.examples(), found.split);
  std::string doubt = levels_doubt(loaded.config, found.examples(), found.split);
  if (!doubt.empty()) warn_user(doubt);
  return found;
}

}  // namespace diffeo
