#include "learn/objective.h"

#include <ATen/ATen.h>

#include <numbers>

namespace diffeo {

Terms objective_of(Flow& flow, const Batch& batch, const Pass& pass, ObjectiveUnit unit) {
  double bit = unit == ObjectiveUnit::kBitsPerDim ? std::numbers::ln2 : 1;
  double dimensions =
      unit == ObjectiveUnit::kBitsPerDim ? static_cast<double>(numel(flow.shape())) : 1;
  Terms terms;
  LogProb parts =
      flow.log_prob_parts(batch.x, pass.with_labels(batch.labels).with_features(batch.context));
  Tensor nats = -parts.sum().mean();
  terms.nats = nats.detach();
  terms.loss = nats / (bit * dimensions);
  for (const auto& [name, term] : parts.auxiliary) {
    Tensor mean = term.mean();
    terms.auxiliary[name] = mean.detach();
    terms.loss = terms.loss + mean / bit;
  }
  return terms;
}

}  // namespace diffeo
