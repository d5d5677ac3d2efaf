#include <ATen/Context.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include <iostream>
#include <limits>

#include "commands/build.h"
#include "commands/commands.h"
#include "commands/dispatch.h"
#include "core/error.h"
#include "core/hardware.h"
#include "core/memory.h"
#include "terminal/signals.h"

namespace diffeo {
namespace {

// Tensors of a few megabytes come and go in every step. By default glibc gives each back to the
// system at once, and their pages are cleared again at the next.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

void run(const Words& words, StopRequest& stop) {
  const Command commands[] = {
      {"train", "train a flow from a configuration",
       [&](const Words& rest) { train_command(rest, stop); }},
      {"sample", "draw examples from a trained flow", sample_command},
      {"evaluate", "mean density of held-out examples: nats and bits/dim", evaluate_command},
      {"score", "density of every example, taken apart", score_command},
      {"encode", "latents of examples", encode_command},
      {"decode", "examples of latents", decode_command},
      {"export", "a TorchScript module for other programs", export_command},
      {"describe", "parameters and layers of a configuration or checkpoint", describe_command},
      {"check", "test each layer's inverse and log-determinant", check_command},
      {"bench", "time and memory of training, forward and sampling", bench_command},
      {"data", "what a data set holds; pack it for quick reading", data_command},
      {"config", "list, show, validate configurations", config_command},
      {"env", "this program, its libraries and this machine", env_command},
      {"completions", "completion of commands and options, for a shell", completions_command},
      {"--version", "the program's version",
       [](const Words&) { std::cout << version_line() << "\n"; }},
  };
  dispatch("diffeo", commands, words);
  std::cout.flush();
  require(std::cout.good(), "standard output: cannot be written");
}

Exit told(const std::string& message, Exit exit) {
  std::cout.flush();
  std::cerr << message << std::endl;
  return exit;
}

Exit told(const std::exception& error, const std::string& what) {
  std::string memory = memory_asked_for(error);
  if (memory.empty()) return told("diffeo: internal error: " + what, Exit::kFailed);
  return told("out of memory: asked for " + memory + "; use a smaller batch or model",
              Exit::kMemory);
}

Exit answer(const Words& words, StopRequest& stop) {
  try {
    run(words, stop);
    return Exit::kDone;
  } catch (const Error& error) {
    return told(error.what(), error.exit());
  } catch (const c10::Error& error) {
    return told(error, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return told(error, error.what());
  }
}

}  // namespace
}  // namespace diffeo

int main(int argc, char** argv) {
  using namespace diffeo;
  Words words(argv + 1, argv + argc);
  // Before all that takes time, for a signal may come at any moment. Only a training has anything
  // to save; the other commands just end.
  StopRequest stop;
  if (!words.empty() && words[0] == "train") stop.listen();
  keep_freed_memory();
  at::globalContext().setFlushDenormal(true);
  compute_reproducibly();
  return static_cast<int>(answer(words, stop));
}
