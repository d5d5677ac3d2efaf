#include "learn/divergence.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

int64_t bad_numbers(const Tensor& t) { return t.numel() - at::isfinite(t).sum().item<int64_t>(); }

// "12 of 3072 numbers of its output", or nothing where all are finite.
std::string fault_in(const Tensor& t, const char* what) {
  if (!t.defined()) return "";
  int64_t bad = bad_numbers(t.detach());
  return bad == 0 ? "" : joined(bad, " of ", t.numel(), " numbers of its ", what);
}

// Remembers the first layer that reports a number that is not finite. Layers with layers inside
// report after them.
Observer first_bad_layer(std::string& found) {
  return [&found](const Report& report) {
    if (!found.empty()) return;
    std::string fault = fault_in(report.output, "output");
    for (const Tensor& part : report.ended) {
      if (fault.empty()) fault = fault_in(part, "ended part");
    }
    if (fault.empty()) fault = fault_in(report.log_det, "log_det");
    if (!fault.empty())
      found = joined("the first layer gone bad is ", report.path, " (", fault, " are not finite)");
  };
}

std::string first_bad_term(const Terms& terms) {
  for (const auto& [name, term] : terms.auxiliary) {
    if (bad_numbers(term) > 0)
      return "every layer's output is finite, but the auxiliary term '" + name + "' is not";
  }
  return bad_numbers(terms.nats) > 0
             ? "every layer's output is finite, but the density of the latents is not"
             : "";
}

std::string first_bad_gradient(const FlatParameters& flat) {
  for (const ParameterRange& range : flat.ranges()) {
    std::string fault = fault_in(range.of(flat.gradients()), "gradient");
    if (fault.empty()) continue;
    return joined("the forward pass is finite, but not the gradient of ", range.name, " (", fault,
                  ")");
  }
  return "it did not happen again when the step was run again";
}

}  // namespace

std::string explain_divergence(Learner& learner, int64_t step, const Batch& batch) {
  std::string layer;
  learner.flat().gradients().zero_();
  Terms terms = learner.backward(step, batch, first_bad_layer(layer));
  if (!layer.empty()) return layer;
  std::string term = first_bad_term(terms);
  return term.empty() ? first_bad_gradient(learner.flat()) : term;
}

}  // namespace diffeo
