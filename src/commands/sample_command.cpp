#include <ATen/ATen.h>

#include <array>
#include <cstdio>
#include <iostream>

#include "commands/batch_progress.h"
#include "commands/commands.h"
#include "commands/devices.h"
#include "commands/memory.h"
#include "commands/model_argument.h"
#include "commands/sample_files.h"
#include "config/scalars.h"
#include "inference/sampling.h"

namespace diffeo {
namespace {

struct SampleArguments {
  std::string checkpoint, device = "auto";
  std::optional<std::string> out;
  std::optional<int64_t> count, seed, label, batch_size;
  std::vector<double> temperatures = {1};
  bool raw = false;
};

void declare(CommandLine& line, SampleArguments& arguments) {
  line.argument("CKPT", arguments.checkpoint, "Run, checkpoint, or RUN:latest, RUN:best, RUN:STEP");
  line.option("--count", "N", arguments.count, "How many samples [64]", at_least(1));
  line.option("--temperature", "T[,T...]", arguments.temperatures,
              "Scale of the noise: one for all levels, or one for each [1]", at_least(0));
  line.option("--seed", "S", arguments.seed, "Of the noise [0]", at_least(0));
  line.option("--class", "K", arguments.label,
              "Of every sample, where the flow has classes [all in turn]", at_least(0));
  line.option("--out", "FILE", arguments.out,
              "Ends in .png, .npy or .safetensors [in the run's folder samples]");
  line.option("--batch-size", "N", arguments.batch_size,
              "Samples at once; changes nothing but memory and time [the training's]", at_least(1));
  line.flag("--raw", arguments.raw, "The weights themselves and not their running average");
  line.option("--device", "DEVICE", arguments.device,
              "auto, cpu, cuda or cuda:N [auto: a GPU where there is one]");
}

SampleOptions options_for(const SampleArguments& arguments, const LoadedFlow& loaded) {
  bool has_classes = samples_by_class(loaded.config.flow);
  if (arguments.label && !has_classes) {
    fail(Exit::kUsage, "diffeo sample: --class: the samples of this flow depend on no class");
  }
  return {.count = arguments.count.value_or(64),
          .batch_size = arguments.batch_size.value_or(loaded.config.train.examples_in_pass()),
          .seed = static_cast<uint64_t>(arguments.seed.value_or(0)),
          .temperatures = arguments.temperatures,
          .classes = has_classes ? data_classes(loaded.config.data) : 0,
          .label = arguments.label};
}

std::string temperatures_text(const std::vector<double>& temperatures) {
  std::string text;
  for (double temperature : temperatures) text += joined(text.empty() ? "" : ",", temperature);
  return text;
}

// Beside the run's own pictures, or beside a checkpoint that lies elsewhere. Other options give
// other names.
std::filesystem::path default_path(const LoadedFlow& loaded, const SampleOptions& options,
                                   bool raw) {
  std::filesystem::path folder = loaded.path.parent_path();
  if (folder.filename() == "checkpoints") folder = folder.parent_path() / "samples";
  std::string name = joined(loaded.path.filename().string(), "_n", options.count, "_seed",
                            options.seed, "_t", temperatures_text(options.temperatures));
  if (options.label) name += joined("_class", *options.label);
  if (raw) name += "_raw";
  return folder / (name + (has_picture(loaded.flow->shape()) ? ".png" : ".npy"));
}

Metadata metadata_of(const LoadedFlow& loaded, const SampleOptions& options) {
  Metadata metadata{{"program", joined("diffeo ", DIFFEO_VERSION)},
                    {"checkpoint", loaded.path.string()},
                    {"step", std::to_string(loaded.state.step)},
                    {"weights", loaded.averaged ? "average" : "raw"},
                    {"seed", std::to_string(options.seed)},
                    {"temperature", temperatures_text(options.temperatures)}};
  if (options.label) metadata["class"] = std::to_string(*options.label);
  return metadata;
}

// [count] int64, as sample() gives them; undefined: none.
Tensor labels_of(const SampleOptions& options) {
  if (options.classes == 0) return {};
  at::TensorOptions whole_numbers = at::TensorOptions(at::kLong).device(at::kCPU);
  if (options.label) return at::full({options.count}, *options.label, whole_numbers);
  return at::arange(options.count, whole_numbers).remainder(options.classes);
}

void tell_what_was_drawn(const LoadedFlow& loaded, const SampleOptions& options) {
  std::cerr << options.count << " samples at temperature "
            << temperatures_text(options.temperatures) << ", seed " << options.seed << ", with the "
            << (loaded.averaged ? "averaged " : "") << "weights of " << loaded.path.string();
  if (options.label) std::cerr << ", of class " << *options.label;
  if (options.classes > 0 && !options.label)
    std::cerr << ", of the classes 0 to " << options.classes - 1 << " in turn";
  std::cerr << std::endl;
}

void sample_as_told(const SampleArguments& arguments) {
  if (arguments.out) format_of(*arguments.out);
  at::TensorOptions where = at::TensorOptions(at::kFloat).device(device_named(arguments.device));
  LoadedFlow loaded = load_flow(arguments.checkpoint, where,
                                arguments.raw ? Weights::kRaw : Weights::kAverage, warn_user);
  SampleOptions options = options_for(arguments, loaded);
  std::filesystem::path path = arguments.out ? std::filesystem::path(*arguments.out)
                                             : default_path(loaded, options, arguments.raw);
  if (format_of(path) == SampleFormat::kPng && !has_picture(loaded.flow->shape())) {
    fail(Exit::kUsage, "--out: samples of shape ", to_string(loaded.flow->shape()),
         " have no picture; use .npy or .safetensors");
  }
  BatchProgress progress(options.count, options.batch_size);
  options.poll = [&] { progress.begin_batch(); };
  Samples samples{.values = sample(*loaded.flow, options),
                  .are_images = data_is_image(loaded.config.data),
                  .metadata = metadata_of(loaded, options)};
  if (format_of(path) == SampleFormat::kSafetensors) {
    samples.latents = sample_latents(*loaded.flow, options, 0, options.count).to(at::kCPU);
    samples.labels = labels_of(options);
  }
  save_samples(path, samples);
  tell_what_was_drawn(loaded, options);
  std::cout << path.string() << "\n";
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
