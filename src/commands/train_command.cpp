#include <ATen/Parallel.h>

#include <iostream>

#include "commands/commands.h"
#include "commands/devices.h"
#include "commands/durations.h"
#include "commands/model_argument.h"
#include "commands/shipped_configs.h"
#include "config/outline.h"
#include "core/memory.h"
#include "inference/unit.h"
#include "runs/run_directory.h"
#include "train/dry_run.h"
#include "train/train.h"

namespace diffeo {
namespace {

struct TrainArguments {
  std::string config, device = "auto";
  Words overrides;
  std::optional<std::string> run, fork, init, map;
  std::optional<int64_t> threads;
  bool resume = false, dry_run = false;
};

void declare(CommandLine& line, TrainArguments& arguments, StopRequest& stop) {
  line.argument("CONFIG", arguments.config, "File, or name of a shipped configuration");
  line.arguments("KEY=VALUE", arguments.overrides,
                 "Changes: train.steps=100 flow[2].times=32 flow.**.hidden=128");
  line.option("--run", "DIR", arguments.run, "The run's folder [runs/NAME/001, 002, ...]");
  line.flag("--resume", arguments.resume,
            "Go on from the run's newest checkpoint; start where there is none");
  line.option("--fork", "CKPT", arguments.fork,
              "Start from this checkpoint's weights where there is nothing to resume");
  line.option("--init", "FILE", arguments.init,
              "Start from the weights in this .safetensors where there is nothing to resume");
  line.option(
      "--map", "MAP", arguments.map,
      "Of --init: a YAML file, or rosinality_glow or normflows_glow, that says which of its "
      "names become which [they are the model's own]");
  line.option("--device", "DEVICE", arguments.device,
              "auto, cpu, cuda or cuda:N [auto: a GPU where there is one]");
  line.option("--threads", "N", arguments.threads,
              "Processor threads [OMP_NUM_THREADS, or one a core]", between(1, 4096));
  line.flag("--dry-run", arguments.dry_run, "Try one step, tell what it takes, write nothing");
  line.option("--max-time", "TIME", "Save and stop after this time: 90s, 45m, 2h30m [none]",
              [&stop](const std::string& text) {
                double seconds = 0;
                std::string problem = read_duration(text, seconds);
                stop.limit(seconds);
                return problem;
              });
}

void print_results(const Config& config, const TrainResult& result) {
  if (result.test) {
    const auto& [split, evaluation, fault, seconds] = *result.test;
    std::cout << split << ": "
              << (fault.empty() ? Unit(config.data).text(evaluation) : "no number: " + fault)
              << "\n";
  }
  for (const auto& path : result.samples) std::cout << "samples: " << path.string() << "\n";
  std::cout << "run: " << result.run.string() << "\n";
}

// The whole name of a shipped configuration, so that cifar10/glow and imagenet32/glow have folders
// of their own.
std::string name_of(const std::filesystem::path& config) {
  std::error_code none;
  for (const ShippedConfig& shipped : shipped_configs()) {
    if (std::filesystem::equivalent(shipped.path, config, none)) return shipped.name;
  }
  return config.stem();
}

std::filesystem::path run_of(const TrainArguments& arguments) {
  if (arguments.run) return *arguments.run;
  return default_run(name_of(config_path(arguments.config)), arguments.resume);
}

std::optional<ForeignWeights> init_of(const TrainArguments& arguments) {
  require(!arguments.map || arguments.init, Exit::kUsage,
          "diffeo train: --map: says what becomes of --init FILE, which is not given");
  require(!arguments.fork || !arguments.init, Exit::kUsage,
          "diffeo train: --fork and --init both give the weights to start from; choose one");
  if (!arguments.init) return {};
  return ForeignWeights{*arguments.init,
                        arguments.map ? std::optional(map_path(*arguments.map)) : std::nullopt};
}

// A stop that comes before the first step needs no checkpoint.
TrainResult train_or_stop(const Config& config, const TrainOptions& options) {
  Console console(stderr, standard_error_kind(), standard_error_has_colour());
  try {
    options.stop->poll();
    return train(config, options, console);
  } catch (const Error& error) {
    if (error.exit() != Exit::kStopped) throw;
    fail(Exit::kStopped, error.what(), " before the first step, so there was nothing to save; ",
         "the same command with --resume --run ", options.run.string(), " starts again");
  }
}

void train_as_told(const Config& config, const TrainArguments& arguments, const Words& words,
                   StopRequest& stop) {
  c10::Device device = device_named(arguments.device);
  if (arguments.threads) at::set_num_threads(static_cast<int>(*arguments.threads));
  if (arguments.dry_run) {
    stop.poll();
    stop.release();  // it has nothing to save
    DryRun found = dry_run(config, device, init_of(arguments));
    for (const std::string& doubt : found.doubts) warn_user(doubt);
    std::cout << text_of(found);
    return;
  }
  TrainOptions options{.run = run_of(arguments),
                       .resume = arguments.resume,
                       .fork = arguments.fork,
                       .init = init_of(arguments),
                       .device = device,
                       .stop = &stop,
                       .command = {"diffeo", "train"}};
  options.command.insert(options.command.end(), words.begin(), words.end());
  TrainResult result = train_or_stop(config, options);
  print_results(config, result);
  if (result.exit == Exit::kStopped) {
    fail(Exit::kStopped, "to go on, give the same command with --resume --run ",
         options.run.string());
  }
}

}  // namespace

void train_command(const Words& words, StopRequest& stop) {
  TrainArguments arguments;
  CommandLine line("diffeo train",
                   "Trains a flow by maximum likelihood and leaves checkpoints, metrics and "
                   "pictures in the run's "
                   "folder. Ctrl-C, SIGTERM, SIGHUP, SIGUSR2, SIGXCPU and --max-time: finishes "
                   "the step, saves, ends with 75; a second Ctrl-C ends at once. SIGUSR1: saves "
                   "and goes on.",
                   "diffeo train quickstart train.steps=500 --run runs/first");
  declare(line, arguments, stop);
  if (!line.parse(words)) return;
  Config config = config_of(arguments.config, arguments.overrides);
  trainable_outline_of(config);
  within_memory(joined("in training with train.batch_size ", config.train.batch_size, " in ",
                       config.train.accumulate, config.train.accumulate == 1 ? " pass" : " passes"),
                "cures, what disturbs least first: train.memory invert or recompute (the same "
                "gradients, slower), a larger train.accumulate (the batch in more "
                "passes; other noise, "
                "and batch norms see smaller batches), a smaller train.batch_size, fewer hidden "
                "channels or layers",
                [&] { train_as_told(config, arguments, words, stop); });
}

}  // namespace diffeo
