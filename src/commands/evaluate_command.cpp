#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/batch_progress.h"
#include "commands/commands.h"
#include "commands/scoring_arguments.h"
#include "core/memory.h"
#include "inference/evaluation.h"
#include "inference/unit.h"
#include "io/json.h"

namespace diffeo {
namespace {

struct EvaluateArguments {
  ScoringArguments scoring{.command = "diffeo evaluate"};
  DrawArguments draws;
  bool json = false;
};

nlohmann::json as_json(const Evaluation& result, const ExamplesToScore& scored,
                       const LoadedFlow& loaded, int64_t draws) {
  nlohmann::json json = to_json(result);
  json["draws"] = draws;
  if (!result.bits_per_dim) json["bits_per_dim"] = nullptr;
  json["split"] = scored.split;
  json["step"] = loaded.state.step;
  json["weights"] = loaded.averaged ? "average" : "raw";
  if (scored.data.density) json["entropy"] = scored.data.density->entropy();
  return json;
}

void print_evaluation(const Evaluation& result, const ExamplesToScore& scored, int64_t draws) {
  Unit unit(scored.config);
  std::cout << scored.split << ": " << unit.text(result) << "\n";
  if (result.importance) {
    std::cout << "by " << draws << " importance samples: " << unit.text(*result.importance) << "\n";
  }
  if (scored.data.density)
    std::cout << "entropy: " << unit.text(scored.data.density->entropy())
              << ", the least that is possible\n";
}

void evaluate_as_told(const EvaluateArguments& arguments) {
  LoadedFlow loaded = arguments.scoring.flow.load();
  ScoreOptions how = arguments.scoring.options(loaded);
  arguments.draws.set(how, loaded, arguments.scoring.command);
  ExamplesToScore scored = examples_to_score(loaded, arguments.scoring);
  std::cerr << "evaluating " << scored.examples().size() << " examples of " << scored.split
            << " with the " << loaded.weights_text() << std::endl;
  int64_t draws = loaded.flow->stochastic() ? how.draws : 1;
  BatchProgress progress(scored.examples().size(), how.batch_size, draws);
  how.poll = [&] { progress.begin_batch(); };
  Evaluation result = evaluate(*loaded.flow, scored.examples(), how);
  if (arguments.json) std::cout << json_text(as_json(result, scored, loaded, how.draws), 2) << "\n";
  else print_evaluation(result, scored, how.draws);
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
  arguments.scoring.declare(line);
  arguments.draws.declare(line);
  line.flag("--json", arguments.json, "Print JSON");
  if (!line.parse(words)) return;
  within_memory("in evaluating", "cure: a smaller --batch-size, which gives the same result",
                [&] { evaluate_as_told(arguments); });
}

}  // namespace diffeo
