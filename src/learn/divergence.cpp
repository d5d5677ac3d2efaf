#include "learn/divergence.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "flow/domain.h"
#include "learn/named_weights.h"

namespace diffeo {
namespace {

int64_t bad_numbers(const Tensor& t) { return t.numel() - at::isfinite(t).sum().item<int64_t>(); }

// "12 of 3072 numbers of its output", or nothing where all are finite.
std::string fault_of(const Tensor& t, const char* what) {
  if (!t.defined()) return "";
  int64_t bad = bad_numbers(t.detach());
  return bad == 0 ? "" : joined(bad, " of ", t.numel(), " numbers of its ", what);
}

// Remembers the first layer that reports a number that is not finite. Layers with layers inside
// report after them.
Observer first_bad_layer(std::string& found) {
  return [&found](const Report& report) {
    if (!found.empty()) return;
    std::string fault = fault_of(report.output, "output");
    for (const Tensor& part : report.ended) {
      if (fault.empty()) fault = fault_of(part, "ended part");
    }
    if (fault.empty()) fault = fault_of(report.log_det, "log_det");
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
    std::string fault = fault_of(range.of(flat.gradients()), "gradient");
    if (fault.empty()) continue;
    return joined("the forward pass is finite, but not the gradient of ", range.name, " (", fault,
                  ")");
  }
  return {};
}

// A gradient can be finite and still too large to be squared. In double precision its norm is what
// it is.
std::string too_large_gradient(Learner& learner) {
  double squares = 0, largest = 0;
  std::string where;
  for (const ParameterRange& range : learner.flat().ranges()) {
    double norm = range.of(learner.flat().gradients()).to(at::kDouble).norm().item<double>();
    squares += norm * norm;
    if (norm > largest) where = range.name;
    largest = std::max(largest, norm);
  }
  const Optimizer& optimizer = learner.optimizer();
  if (optimizer.clip_norm() > 0 || std::sqrt(squares) <= optimizer.largest_norm()) return {};
  return joined(
      "loss and gradient are finite, but the gradient is too large to be squared: its "
      "norm is ",
      std::sqrt(squares), ", that of ", where, " alone ", largest,
      " (optimizer.clip_norm bounds it)");
}

std::string first_bad_moments(const FlatMoments& moments) {
  Tensor pending = moments.pending();
  for (const ParameterRange& range : moments.ranges()) {
    std::string fault = fault_in(range.of(pending));
    if (!fault.empty())
      return joined("loss and gradient are finite, but not the batch's moments for ", range.name,
                    " (", fault, ")");
  }
  return {};
}

std::string first_bad_update(Learner& learner) {
  std::string moments = first_bad_moments(learner.moments());
  if (!moments.empty()) return moments;
  std::string gradient = too_large_gradient(learner);
  if (!gradient.empty()) return gradient;
  return learner.optimizer().reaches_too_far()
             ? "loss and gradient are finite, but an update could throw the weights beyond all "
               "numbers: the learning rate is too large, or the smallest denominator (epsilon or "
               "floor) too small"
             : "it did not happen again when the step was run again";
}

}  // namespace

std::string explain_divergence(Learner& learner, int64_t step, const Batch& batch) {
  std::string layer;
  std::optional<OutsideDomain> outside;
  learner.flat().gradients().zero_();
  Observer bad = first_bad_layer(layer), domain = domain_observer(learner.flow(), outside);
  Terms terms = learner.backward(step, batch, [&](const Report& report) {
    domain(report);
    bad(report);
  });
  if (outside) {
    fail(Exit::kData, "training: an example of step ", step + 1,
         " has the density 0: ", outside->what,
         "; rescale the data, or scale them in a layer before it");
  }
  if (!layer.empty()) return layer;
  std::string term = first_bad_term(terms);
  if (!term.empty()) return term;
  std::string gradient = first_bad_gradient(learner.flat());
  return gradient.empty() ? first_bad_update(learner) : gradient;
}

}  // namespace diffeo
