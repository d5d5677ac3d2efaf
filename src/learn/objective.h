#pragma once

#include <map>
#include <string>

#include "config/objective_config.h"
#include "data/dataset.h"
#include "flow/flow.h"

namespace diffeo {

// What one batch contributes to the objective, every term one number on the flow's device.
struct Terms {
  Tensor loss;  // what is minimised, in the objective's unit: with a graph
  Tensor nats;  // mean of -log p, without
  std::map<std::string, Tensor>
      auxiliary;  // mean of each term that layers report, weighted, nats; without
};

// -mean log p in the objective's unit, plus the auxiliary terms. In bits_per_dim the likelihood is
// divided by D ln 2 and an auxiliary term, which belongs to an example and not to its dimensions,
// by ln 2.
Terms objective_of(Flow& flow, const Batch& batch, const Pass& pass, ObjectiveUnit unit);

}  // namespace diffeo
