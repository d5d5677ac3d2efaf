#include <iostream>

#include "commands/commands.h"
#include "commands/flow_arguments.h"
#include "commands/output_file.h"
#include "core/memory.h"
#include "inference/torchscript.h"
#include "io/durable.h"

namespace diffeo {
namespace {

// A trace keeps the device that it was made on, and every program has processors.
struct ExportArguments {
  FlowArguments flow{.device = "cpu"};
  OutputFile out;
};

FlowInputs inputs_of(const Config& config) {
  return {.classes = samples_by_class(config.flow) ? data_classes(config.data) : 0,
          .context = static_cast<int64_t>(data_context(config.data).size())};
}

void export_as_told(const ExportArguments& arguments) {
  std::filesystem::path path = arguments.out.checked({".pt"});
  LoadedFlow loaded = arguments.flow.load();
  TorchScript script = torchscript_of(*loaded.flow, inputs_of(loaded.config));
  write_durably(path, script.bytes);
  std::cerr << "exported the " << loaded.weights_text()
            << "; at 1, 3 and 64 examples no answer is further from the "
            << "flow's than " << script.largest_difference << "\n";
  for (const std::string& signature : script.signatures) std::cerr << signature << "\n";
  std::cout << path.string() << "\n";
}

}  // namespace

void export_command(const Words& words) {
  ExportArguments arguments;
  CommandLine line("diffeo export",
                   "Writes a trained flow as TorchScript, with the methods log_prob, encode and "
                   "decode, for torch.jit.load in Python or torch::jit::load in C++.",
                   "diffeo export runs/quickstart/001 --out flow.pt");
  arguments.flow.declare_checkpoint(line);
  arguments.flow.declare_precision(line, "Of weights and answers, fp32 or fp64 [fp32]");
  arguments.flow.declare_weights(line);
  arguments.out.declare(line, "Ends in .pt");
  if (!line.parse(words)) return;
  within_memory("in exporting", "cure: a machine with more memory",
                [&] { export_as_told(arguments); });
}

}  // namespace diffeo
