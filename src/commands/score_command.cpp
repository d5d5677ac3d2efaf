#include <ATen/ATen.h>

#include <iostream>
#include <numbers>

#include "commands/batch_progress.h"
#include "commands/commands.h"
#include "commands/model_argument.h"
#include "commands/output_file.h"
#include "commands/score_files.h"
#include "commands/scoring_arguments.h"
#include "core/memory.h"
#include "inference/evaluation.h"
#include "io/npy.h"
#include "pictures/complexity.h"

namespace diffeo {
namespace {

struct ScoreArguments {
  ScoringArguments scoring{.command = "diffeo score"};
  DrawArguments draws;
  OutputFile out;
  std::optional<std::string> maps;
  bool levels = false, complexity = false, allow_nonfinite = false;
};

void declare(CommandLine& line, ScoreArguments& arguments) {
  arguments.scoring.declare(line);
  arguments.draws.declare(line);
  line.flag("--levels", arguments.levels,
            "Also base_0, base_1, ...: the density of each level's latents");
  line.flag("--complexity", arguments.complexity,
            "Also the nats that PNG takes for each image, and nats less those: what is surprising "
            "beyond how intricate the image is");
  line.option("--maps", "FILE", arguments.maps,
              "Also write .npy [N, H, W]: where in each image the nats of its latents lie");
  line.flag("--allow-nonfinite", arguments.allow_nonfinite,
            "Do not end with 5 where log p is not finite");
  arguments.out.declare(line,
                        "Ends in .csv, .jsonl (all columns) or .npy (nats alone, [N] float64)");
}

// The columns of the table, and their values. All are nats but for bits_per_dim.
class ScoreTable {
 public:
  ScoreTable(const ScoreArguments& arguments, const ExamplesToScore& scored, int64_t levels,
             bool importance)
      : images_(scored.examples().examples),
        levels_(arguments.levels ? levels : 0),
        complexity_(arguments.complexity),
        importance_(importance) {
    if (data_is_image(scored.config)) dimensions_ = numel(data_shape(scored.config));
  }

  std::vector<std::string> columns() const {
    std::vector<std::string> names{"nats"};
    if (dimensions_ > 0) names.emplace_back("bits_per_dim");
    names.insert(names.end(), {"log_det", "base"});
    for (int64_t i = 0; i < levels_; ++i) names.push_back("base_" + std::to_string(i));
    if (importance_) names.emplace_back("importance_nats");
    if (importance_ && dimensions_ > 0) names.emplace_back("importance_bits_per_dim");
    if (complexity_) names.insert(names.end(), {"complexity", "corrected"});
    return names;
  }

  // The next examples' rows, [B, columns].
  Tensor rows(const Scores& scores) {
    Tensor nats = scores.nats();
    std::vector<Tensor> columns{nats};
    if (dimensions_ > 0) columns.push_back(in_bits(nats));
    columns.insert(columns.end(), {scores.log_det, scores.base_sum()});
    for (int64_t i = 0; i < levels_; ++i) columns.push_back(scores.base.select(1, i));
    if (importance_) columns.push_back(scores.importance);
    if (importance_ && dimensions_ > 0) columns.push_back(in_bits(scores.importance));
    if (complexity_) {
      Tensor complexity = png_nats(images_.narrow(0, next_, nats.size(0)));
      columns.insert(columns.end(), {complexity, nats - complexity});
    }
    next_ += nats.size(0);
    return at::stack(columns, 1).contiguous();
  }

 private:
  Tensor in_bits(const Tensor& nats) const {
    return nats / (static_cast<double>(dimensions_) * std::numbers::ln2);
  }

  Tensor images_;  // [N, ...]
  int64_t dimensions_ = 0, levels_, next_ = 0;
  bool complexity_, importance_;
};

std::unique_ptr<NpyWriter> open_maps(const ScoreArguments& arguments, const Flow& flow,
                                     int64_t count) {
  if (!arguments.maps) return nullptr;
  require_maps(flow);
  Shape shape{count, flow.shape()[1], flow.shape()[2]};
  return std::make_unique<NpyWriter>(*arguments.maps, outlined(shape, at::kFloat));
}

void check_outputs(const ScoreArguments& arguments) {
  arguments.out.checked({".csv", ".jsonl", ".npy"});
  if (!arguments.maps) return;
  check_output("--maps", *arguments.maps, {".npy"}, arguments.out.force);
  require(*arguments.maps != *arguments.out.path, Exit::kUsage,
          "diffeo score: --maps and --out: both name ", *arguments.maps, "; expected two files");
}

// Writes the scores of all examples, and returns their nats, [N].
Tensor write_scores(const ScoreArguments& arguments, const LoadedFlow& loaded,
                    const ExamplesToScore& scored, ScoreOptions how) {
  const Dataset& examples = scored.examples();
  ScoreTable table(arguments, scored, static_cast<int64_t>(loaded.flow->latents().size()),
                   how.importance);
  auto file = open_score_file(*arguments.out.path, table.columns(), examples.size());
  std::unique_ptr<NpyWriter> maps = open_maps(arguments, *loaded.flow, examples.size());
  BatchProgress progress(examples.size(), how.batch_size,
                         loaded.flow->stochastic() ? how.draws : 1);
  how.poll = [&] { progress.begin_batch(); };
  std::vector<Tensor> nats;
  score(*loaded.flow, examples, how, [&](const Scores& scores) {
    file->add(table.rows(scores));
    if (maps) maps->append(scores.maps.to(at::kFloat));
    nats.push_back(scores.nats());
  });
  file->commit();
  if (maps) maps->commit();
  return at::cat(nats);
}

void score_as_told(const ScoreArguments& arguments) {
  check_outputs(arguments);
  LoadedFlow loaded = arguments.scoring.flow.load();
  ScoreOptions how = arguments.scoring.options(loaded);
  arguments.draws.set(how, loaded, arguments.scoring.command);
  how.maps = arguments.maps.has_value();
  ExamplesToScore scored = examples_to_score(loaded, arguments.scoring);
  const Dataset& examples = scored.examples();
  require(!arguments.complexity || has_png(examples.examples), Exit::kUsage,
          "diffeo score: --complexity is that of images with 1 or 3 channels");
  Tensor nats = write_scores(arguments, loaded, scored, how);
  std::cerr << "scored " << examples.size() << " examples of " << scored.split << " with the "
            << loaded.weights_text() << std::endl;
  std::cout << *arguments.out.path << "\n";
  if (arguments.maps) std::cout << *arguments.maps << "\n";
  std::string problem = complaint(nats, *loaded.flow, examples, how.seed);
  if (problem.empty()) return;
  if (arguments.allow_nonfinite) return warn_user(problem);
  fail(Exit::kDiverged, problem, "; ", *arguments.out.path,
       " holds them all; --allow-nonfinite takes them as they are");
}

}  // namespace

void score_command(const Words& words) {
  ScoreArguments arguments;
  CommandLine line("diffeo score",
                   "Writes -log p of every example, in order, taken apart: nats = -(log_det + "
                   "base), what the layers add and the density of the latents. Where the flow "
                   "dequantizes, these are means over draws of the noise, a bound.",
                   "diffeo score runs/quickstart/001 --split test --out scores.csv");
  declare(line, arguments);
  if (!line.parse(words)) return;
  within_memory("in scoring", "cure: a smaller --batch-size, which gives the same scores",
                [&] { score_as_told(arguments); });
}

}  // namespace diffeo
