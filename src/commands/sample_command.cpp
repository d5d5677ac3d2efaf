#include <ATen/ATen.h>

#include <iostream>

#include "commands/batch_progress.h"
#include "commands/commands.h"
#include "commands/flow_arguments.h"
#include "commands/model_argument.h"
#include "commands/output_file.h"
#include "commands/sample_files.h"
#include "config/scalars.h"
#include "core/listed.h"
#include "core/memory.h"
#include "inference/given.h"
#include "inference/sampling.h"
#include "pictures/image_grid.h"

namespace diffeo {
namespace {

struct SampleArguments {
  FlowArguments flow;
  std::optional<std::string> out, given;
  std::optional<int64_t> count, seed, label;
  std::vector<double> temperatures = {1};
  bool allow_nonfinite = false;
};

void declare(CommandLine& line, SampleArguments& arguments) {
  arguments.flow.declare_checkpoint(line);
  line.option("--count", "N", arguments.count,
              "How many samples [64, or as many as --given has rows]", at_least(1));
  line.option("--temperature", "T[,T...]", arguments.temperatures,
              "Scale of the noise: one for all levels, or one for each [1]", at_least(0));
  line.option("--seed", "S", arguments.seed, "Of the noise [0]", at_least(0));
  line.option("--class", "K", arguments.label,
              "Of every sample, where the flow has classes [all in turn]", at_least(0));
  line.option(
      "--given", "CONTEXT", arguments.given,
      "What to condition on: NAME=VALUE,... or FILE.npy, whose rows the samples take in turn");
  line.option("--out", "FILE", arguments.out,
              "Ends in .png, .npy, .csv (vectors) or .safetensors; replaced where it is there "
              "already [in the run's "
              "folder samples]");
  line.flag("--allow-nonfinite", arguments.allow_nonfinite,
            "Do not end with 5 where samples are not finite");
  arguments.flow.declare_computing(line, "Samples");
}

SampleOptions options_for(const SampleArguments& arguments, const LoadedFlow& loaded) {
  bool has_classes = samples_by_class(loaded.config.flow);
  if (arguments.label && !has_classes) {
    fail(Exit::kUsage, "diffeo sample: --class: the samples of this flow depend on no class");
  }
  std::vector<std::string> columns = data_context(loaded.config.data);
  require(arguments.given || columns.empty(), Exit::kUsage,
          "diffeo sample: this flow's samples depend on context columns; give --given ",
          columns.empty() ? "" : columns[0], "=VALUE for each of ", listed_in_words(columns),
          ", or a file");
  Tensor given = arguments.given ? given_context(*arguments.given, columns) : Tensor();
  int64_t rows = given.defined() && given.size(0) > 1 ? given.size(0) : 64;
  return {.count = arguments.count.value_or(rows),
          .batch_size = arguments.flow.examples_at_once(loaded),
          .seed = static_cast<uint64_t>(arguments.seed.value_or(0)),
          .temperatures = arguments.temperatures,
          .classes = has_classes ? data_classes(loaded.config.data) : 0,
          .label = arguments.label,
          .given = given};
}

// Beside the run's own pictures, or beside a checkpoint that lies elsewhere. Other options give
// other names.
std::filesystem::path default_path(const LoadedFlow& loaded, const SampleOptions& options,
                                   bool raw) {
  std::filesystem::path folder = loaded.path.parent_path();
  if (folder.filename() == "checkpoints") folder = folder.parent_path() / "samples";
  std::string name = joined(loaded.path.filename().string(), "_n", options.count, "_seed",
                            options.seed, "_t", listed(options.temperatures, ","));
  if (options.label) name += joined("_class", *options.label);
  if (options.given.defined()) name += joined("_given", options.given.size(0));
  if (raw) name += "_raw";
  return folder /
         (name + (picture_kind(loaded.flow->shape()) == PictureKind::kNone ? ".npy" : ".png"));
}

Metadata metadata_of(const LoadedFlow& loaded, const SampleOptions& options) {
  Metadata metadata = loaded.origin();
  metadata["seed"] = std::to_string(options.seed);
  metadata["temperature"] = listed(options.temperatures, ",");
  if (options.label) metadata["class"] = std::to_string(*options.label);
  return metadata;
}

SampleOutline outline_for(const LoadedFlow& loaded, const SampleOptions& options) {
  int64_t latents = 0;
  for (const Segment& segment : loaded.flow->latents()) latents += numel(segment.shape);
  return {.count = options.count,
          .shape = loaded.flow->shape(),
          .latents = latents,
          .precision = loaded.flow->example_type(),
          .latent_precision = c10::typeMetaToScalarType(loaded.flow->options().dtype()),
          .are_images = data_is_image(loaded.config.data),
          .have_labels = options.classes > 0,
          .columns = table_columns(loaded.config.data, options.classes > 0),
          .metadata = metadata_of(loaded, options)};
}

// How many samples were no numbers, which a heavy-tailed base, an unbounded scale or a temperature
// far above 1 can bring about.
class FiniteCount {
 public:
  void add(const SampleBatch& batch) {
    Tensor bad = batch.finite().logical_not().nonzero().flatten();
    if (bad_ == 0 && bad.numel() > 0) first_ = seen_ + bad[0].item<int64_t>();
    bad_ += bad.numel();
    seen_ += batch.values.size(0);
  }

  // Nothing where all were finite.
  std::string complaint() const {
    if (bad_ == 0) return {};
    return joined(bad_, " of ", seen_, " samples are not finite, the first of them sample ",
                  first_);
  }

 private:
  int64_t seen_ = 0, bad_ = 0, first_ = 0;
};

void tell_what_was_drawn(const LoadedFlow& loaded, const SampleOptions& options) {
  std::cerr << options.count << " samples at temperature " << listed(options.temperatures, ",")
            << ", seed " << options.seed << ", with the " << loaded.weights_text();
  if (options.label) std::cerr << ", of class " << *options.label;
  if (options.classes > 0 && !options.label)
    std::cerr << ", of the classes 0 to " << options.classes - 1 << " in turn";
  std::cerr << std::endl;
}

void sample_as_told(const SampleArguments& arguments) {
  if (arguments.out) check_output("--out", *arguments.out, sample_endings(), /*force=*/true);
  LoadedFlow loaded = arguments.flow.load();
  SampleOptions options = options_for(arguments, loaded);
  std::filesystem::path path = arguments.out ? std::filesystem::path(*arguments.out)
                                             : default_path(loaded, options, arguments.flow.raw);
  std::unique_ptr<SampleFile> file = open_sample_file(path, outline_for(loaded, options));
  BatchProgress progress(options.count, options.batch_size);
  options.poll = [&] { progress.begin_batch(); };
  FiniteCount finite;
  sample(*loaded.flow, options, [&](const SampleBatch& batch) {
    file->add(batch);
    finite.add(batch);
  });
  file->commit();
  tell_what_was_drawn(loaded, options);
  std::cout << path.string() << "\n";
  std::string complaint = finite.complaint();
  if (complaint.empty()) return;
  if (arguments.allow_nonfinite) return warn_user(complaint);
  fail(Exit::kDiverged, complaint, "; ", path.string(),
       " holds them all. Cures: a lower --temperature, another checkpoint; --allow-nonfinite takes "
       "them as they are");
}

}  // namespace

void sample_command(const Words& words) {
  SampleArguments arguments;
  CommandLine line(
      "diffeo sample",
      "Draws examples from a trained flow. Sample number i follows from the seed alone: it is the "
      "same in "
      "a batch of any size and among any number of others.",
      "diffeo sample runs/quickstart/001 --count 100 --temperature 0.7 --out samples.png");
  declare(line, arguments);
  if (!line.parse(words)) return;
  within_memory("in sampling", "cure: a smaller --batch-size, which gives the same samples",
                [&] { sample_as_told(arguments); });
}

}  // namespace diffeo
