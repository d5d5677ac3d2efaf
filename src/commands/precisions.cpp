#include "commands/precisions.h"

#include "core/error.h"

namespace diffeo {

void declare_precision(CommandLine& line, std::string& precision, const char* help) {
  line.option("--precision", "P", precision, help);
}

at::ScalarType precision_named(const std::string& text) {
  if (text == "fp32") return at::kFloat;
  if (text == "fp64") return at::kDouble;
  fail(Exit::kUsage, "--precision: expected fp32 or fp64, found '", text, "'");
}

}  // namespace diffeo
