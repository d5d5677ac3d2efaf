#pragma once

#include "commands/flow_arguments.h"
#include "data/data.h"
#include "inference/scoring.h"

namespace diffeo {

// What evaluate, score and encode take alike: a trained flow, and examples to give it.
struct ScoringArguments {
  std::string command;  // "diffeo score", for messages
  FlowArguments flow = {};
  Words overrides = {};
  std::optional<std::string> split = {};

  void declare(CommandLine& line);

  // Batch size and seed for a flow that has been loaded.
  ScoreOptions options(const LoadedFlow& loaded) const;
};

// How often the noise of a dequantizer is drawn, and to what end.
struct DrawArguments {
  std::optional<int64_t> draws, importance_samples;

  void declare(CommandLine& line);
  // Throws Exit::kUsage where both are given, or importance samples of a flow without noise.
  void set(ScoreOptions& options, const LoadedFlow& loaded, const std::string& command) const;
};

// The examples that the arguments name.
struct ExamplesToScore {
  DataConfig config;
  Data data;
  std::string split;

  const Dataset& examples() const { return data.split(split); }
};

// The data of the flow's own configuration, with changes (data.path=/elsewhere), or of a whole
// other section ('data={source: npy, …}'). Without --split the test set, else what was held out,
// else what there is. Throws Exit::kUsage where the flow does not fit such examples, by shape,
// number of classes or context columns, and Exit::kData as reading them does. Doubts go to standard
// error.
ExamplesToScore examples_to_score(const LoadedFlow& loaded, const ScoringArguments& arguments);

}  // namespace diffeo
