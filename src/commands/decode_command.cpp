#include <ATen/ATen.h>

#include <algorithm>
#include <iostream>

#include "commands/batch_progress.h"
#include "commands/commands.h"
#include "commands/flow_arguments.h"
#include "commands/latent_files.h"
#include "commands/output_file.h"
#include "commands/sample_files.h"
#include "core/listed.h"
#include "core/memory.h"
#include "inference/given.h"

namespace diffeo {
namespace {

struct DecodeArguments {
  FlowArguments flow;
  std::string latents;
  OutputFile out;
  std::optional<std::string> given;
  std::optional<int64_t> label;
};

void declare(CommandLine& line, DecodeArguments& arguments) {
  arguments.flow.declare_checkpoint(line);
  line.argument("LATENTS", arguments.latents,
                "What encode wrote, samples in .safetensors, or .npy [N, D]");
  line.option("--class", "K", arguments.label, "Of every example [the file's labels]", at_least(0));
  line.option("--given", "CONTEXT", arguments.given,
              "What to condition on: NAME=VALUE,... or FILE.npy, a row for each [the file's]");
  arguments.flow.declare_computing(line, "Examples");
  arguments.out.declare(line, "Ends in .png, .npy, .csv or .safetensors, as sample writes them");
}

// A class for each row: the one given, or the file's.
Tensor labels_of(const DecodeArguments& arguments, const StoredLatents& stored, int64_t classes) {
  if (classes == 0) {
    require(!arguments.label, Exit::kUsage,
            "diffeo decode: --class: what this flow makes of latents depends on no class");
    return {};
  }
  int64_t count = stored.latents.size(0);
  Tensor labels = arguments.label ? at::full({count}, *arguments.label,
                                             stored.latents.options().dtype(at::kLong))
                                  : stored.labels;
  require(labels.defined(), Exit::kUsage, "diffeo decode: this flow has classes, and ",
          arguments.latents, " holds no labels; give --class");
  bool fits = at::isIntegralType(labels.scalar_type(), /*includeBool=*/false) &&
              labels.sizes() == at::IntArrayRef{count} &&
              labels.ge(0).logical_and_(labels.lt(classes)).all().item<bool>();
  require(fits, arguments.label ? Exit::kUsage : Exit::kData, "diffeo decode: ",
          arguments.label ? std::string("--class") : arguments.latents + ": labels",
          ": expected classes 0 to ", classes - 1);
  return labels.to(at::kLong);
}

// A row of context for each row of latents: the one given, or the file's.
Tensor context_of(const DecodeArguments& arguments, const StoredLatents& stored,
                  const std::vector<std::string>& columns) {
  if (columns.empty() && !arguments.given) return {};
  int64_t count = stored.latents.size(0);
  Tensor context = arguments.given ? given_context(*arguments.given, columns) : stored.context;
  require(context.defined(), Exit::kUsage,
          "diffeo decode: this flow depends on the context columns ", listed_in_words(columns),
          ", and ", arguments.latents, " holds none; give --given");
  if (context.size(0) == 1) context = context.expand({count, -1});
  Shape expected{count, static_cast<int64_t>(columns.size())};
  require(context.sizes() == at::IntArrayRef(expected), Exit::kData,
          "diffeo decode: the context has the shape ", to_string(context.sizes().vec()),
          ", expected ", to_string(expected));
  return context;
}

SampleOutline outline_for(const LoadedFlow& loaded, const StoredLatents& stored, bool labels) {
  return {.count = stored.latents.size(0),
          .shape = loaded.flow->shape(),
          .latents = stored.latents.size(1),
          .precision = loaded.flow->example_type(),
          .latent_precision = stored.latents.scalar_type(),
          .are_images = data_is_image(loaded.config.data),
          .have_labels = labels,
          .columns = table_columns(loaded.config.data, labels),
          .metadata = loaded.origin()};
}

void decode_all(Flow& flow, const Batch& all, int64_t batch_size, SampleFile& file) {
  at::NoGradGuard no_grad;
  int64_t count = all.x.size(0);
  BatchProgress progress(count, batch_size);
  for (int64_t first = 0; first < count; first += batch_size) {
    progress.begin_batch();
    Batch batch = all.narrow(first, std::min(batch_size, count - first));
    Batch here = batch.to(flow.options());
    SeededNoise noise(seed_of(0, "decode"), first);
    Tensor values = flow.decode(here.x, here.pass().with_noise(noise)).cpu();
    std::optional<int64_t> bad = first_not_finite(values);
    require(!bad, Exit::kDiverged, "diffeo decode: row ", first + bad.value_or(0),
            " of the latents decodes to numbers that are not finite, so nothing is written");
    file.add({values, batch.x, batch.labels});
  }
}

void decode_as_told(const DecodeArguments& arguments) {
  std::filesystem::path path = arguments.out.checked(sample_endings());
  NamedTensors held = read_latents(arguments.latents);
  LoadedFlow loaded = arguments.flow.load(latent_precision(held));
  StoredLatents stored = latents_for(loaded.flow->latents(), held, arguments.latents);
  const Config& config = loaded.config;
  Tensor labels =
      labels_of(arguments, stored, samples_by_class(config.flow) ? data_classes(config.data) : 0);
  Tensor context = context_of(arguments, stored, data_context(config.data));
  auto file = open_sample_file(path, outline_for(loaded, stored, labels.defined()));
  decode_all(*loaded.flow, {stored.latents, labels, context},
             arguments.flow.examples_at_once(loaded), *file);
  file->commit();
  std::cout << path.string() << "\n";
}

}  // namespace

void decode_command(const Words& words) {
  DecodeArguments arguments;
  CommandLine line("diffeo decode",
                   "Makes examples of latents, in the latents' precision: the inverse of diffeo "
                   "encode, exact for whole numbers in float64.",
                   "diffeo decode runs/quickstart/001 latents.safetensors --out images.npy");
  declare(line, arguments);
  if (!line.parse(words)) return;
  within_memory("in decoding", "cure: a smaller --batch-size, which gives the same examples",
                [&] { decode_as_told(arguments); });
}

}  // namespace diffeo
