#include "commands/flow_arguments.h"

#include "commands/devices.h"
#include "commands/model_argument.h"

namespace diffeo {

void FlowArguments::declare_checkpoint(CommandLine& line) {
  line.argument("CKPT", checkpoint, "Run, checkpoint, or RUN:latest, RUN:best, RUN:STEP");
}

void FlowArguments::declare_weights(CommandLine& line) {
  line.flag("--raw", raw, "The weights themselves and not their running average");
}

void FlowArguments::declare_precision(CommandLine& line, const char* help) {
  line.option("--precision", "P", precision, help);
}

void FlowArguments::declare_computing(CommandLine& line, const char* what) {
  std::string help = joined(what, " at once; changes nothing but memory and time [the training's]");
  line.option("--batch-size", "N", batch_size, help.c_str(), at_least(1));
  declare_weights(line);
  line.option("--device", "DEVICE", device,
              "auto, cpu, cuda or cuda:N [auto: a GPU where there is one]");
}

LoadedFlow FlowArguments::load(at::ScalarType type) const {
  at::TensorOptions options = at::TensorOptions(type).device(device_named(device));
  return load_flow(checkpoint, options, raw ? Weights::kRaw : Weights::kAverage, warn_user);
}

at::ScalarType FlowArguments::precision_type() const {
  if (precision == "fp32") return at::kFloat;
  if (precision == "fp64") return at::kDouble;
  fail(Exit::kUsage, "--precision: expected fp32 or fp64, found '", precision, "'");
}

int64_t FlowArguments::examples_at_once(const LoadedFlow& loaded) const {
  return batch_size.value_or(loaded.config.train.examples_in_pass());
}

}  // namespace diffeo
