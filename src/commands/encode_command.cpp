#include <ATen/ATen.h>

#include <iostream>

#include "commands/batch_progress.h"
#include "commands/commands.h"
#include "commands/latent_files.h"
#include "commands/output_file.h"
#include "commands/scoring_arguments.h"
#include "core/listed.h"
#include "core/memory.h"

namespace diffeo {
namespace {

struct EncodeArguments {
  ScoringArguments scoring{.command = "diffeo encode", .flow = {.precision = "fp64"}};
  OutputFile out;
  std::optional<int64_t> level;
};

void declare(CommandLine& line, EncodeArguments& arguments) {
  arguments.scoring.declare(line);
  line.option("--level", "L", arguments.level,
              "The latents of this level alone, 0 the first that ends [all]", at_least(0));
  arguments.scoring.flow.declare_precision(
      line,
      "In which to compute and write: in fp64, decode gives whole numbers back "
      "exactly [fp64]");
  arguments.out.declare(line, "Ends in .safetensors (a tensor for each level) or .npy ([N, D])");
}

void require_level(const Flow& flow, const std::optional<int64_t>& level) {
  auto levels = static_cast<int64_t>(flow.latents().size());
  require(!level || *level < levels, Exit::kUsage, "diffeo encode: --level: this flow has ", levels,
          levels == 1 ? " level" : " levels", ", counted from 0");
}

void encode_all(Flow& flow, const Dataset& examples, int64_t batch_size, LatentFile& file) {
  at::NoGradGuard no_grad;
  BatchProgress progress(examples.size(), batch_size);
  for (int64_t first = 0; first < examples.size(); first += batch_size) {
    progress.begin_batch();
    Batch batch = examples.slice(first, batch_size).to(flow.options());
    Tensor latents = flow.encode(batch.x, batch.pass());
    std::optional<int64_t> bad = first_not_finite(latents);
    require(!bad, Exit::kDiverged, "diffeo encode: the latents of example ",
            first + bad.value_or(0),
            " are not finite, so nothing is written; diffeo score tells why");
    file.add(latents.cpu());
  }
}

void encode_as_told(const EncodeArguments& arguments) {
  std::filesystem::path path = arguments.out.checked({".safetensors", ".npy"});
  LoadedFlow loaded = arguments.scoring.flow.load();
  require_level(*loaded.flow, arguments.level);
  ExamplesToScore scored = examples_to_score(loaded, arguments.scoring);
  const Dataset& examples = scored.examples();
  Metadata metadata = loaded.origin();
  metadata["split"] = scored.split;
  auto file = open_latent_file(path, {.count = examples.size(),
                                      .segments = loaded.flow->latents(),
                                      .precision = arguments.scoring.flow.precision_type(),
                                      .level = arguments.level,
                                      .examples = &examples,
                                      .metadata = metadata});
  encode_all(*loaded.flow, examples, arguments.scoring.flow.examples_at_once(loaded), *file);
  file->commit();
  std::cerr << "encoded " << examples.size() << " examples of " << scored.split << " with the "
            << loaded.weights_text() << std::endl;
  std::cout << path.string() << "\n";
}

}  // namespace

void encode_command(const Words& words) {
  EncodeArguments arguments;
  CommandLine line("diffeo encode",
                   "Writes the latents of every example, in order. Whole numbers are put in the "
                   "middle of their bins, without noise, so that diffeo decode gives them back.",
                   "diffeo encode runs/quickstart/001 --split test --out latents.safetensors");
  declare(line, arguments);
  if (!line.parse(words)) return;
  within_memory("in encoding", "cure: a smaller --batch-size, which gives the same latents",
                [&] { encode_as_told(arguments); });
}

}  // namespace diffeo
