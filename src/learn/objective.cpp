#include "learn/objective.h"

#include <ATen/ATen.h>

#include <numbers>

namespace diffeo {

Terms objective_of(Flow& flow, const Batch& batch, Pass pass, ObjectiveUnit unit) {
  double bit = unit == ObjectiveUnit::kBitsPerDim ? std::numbers::ln2 : 1;
  double dimensions =
      unit == ObjectiveUnit::kBitsPerDim ? static_cast<double>(numel(flow.shape())) : 1;
  Terms terms;
  Tensor extra;
  pass.labels = batch.labels;
  pass.auxiliary = [&](const std::string& name, const Tensor& term) {
    Tensor mean = term.mean();
    auto [place, is_new] = terms.auxiliary.try_emplace(name, mean.detach());
    if (!is_new) place->second = place->second + mean.detach();
    extra = extra.defined() ? extra + mean : mean;
  };
  Tensor nats = -flow.log_prob(batch.x, pass).mean();
  terms.nats = nats.detach();
  terms.loss = nats / (bit * dimensions);
  if (extra.defined()) terms.loss = terms.loss + extra / bit;
  return terms;
}

}  // namespace diffeo
