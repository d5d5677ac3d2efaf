#pragma once

#include "commands/command_line.h"
#include "inference/load_flow.h"

namespace diffeo {

// What commands take that work with a trained flow: which, with what weights, and how to compute.
struct FlowArguments {
  std::string checkpoint = {}, device = "auto";
  std::string precision = "fp32";
  std::optional<int64_t> batch_size = {};
  bool raw = false;

  void declare_checkpoint(CommandLine& line);  // CKPT, which comes before all other arguments
  void declare_weights(CommandLine& line);     // --raw
  void declare_precision(CommandLine& line, const char* help);
  // --batch-size, --raw and --device. `what`: "Examples", of which so many are taken at once.
  void declare_computing(CommandLine& line, const char* what);

  // The flow. Without `type` in the precision named. Throws Exit::kUsage for a precision other than
  // fp32 and fp64 and for a device that is not there, Exit::kCheckpoint as load_flow() does.
  LoadedFlow load() const { return load(precision_type()); }
  LoadedFlow load(at::ScalarType type) const;
  at::ScalarType precision_type() const;

  // The batch size that is given, else that of the flow's training.
  int64_t examples_at_once(const LoadedFlow& loaded) const;
};

}  // namespace diffeo
