#pragma once

#include <string>

#include "learn/learner.h"

namespace diffeo {

// Runs a step that was refused again, with the same weights, batch and noise, and says in one
// sentence where it first went bad: the layer whose output or log_det is not finite, the auxiliary
// term, or, where the forward pass is fine, the first parameter whose gradient is not, or why the
// update of a finite gradient was refused. Changes gradients, nothing else.
// Throws Exit::kData where the cause is no divergence but data outside what a layer maps: the layer
// and the number.
std::string explain_divergence(Learner& learner, int64_t step, const Batch& batch);

}  // namespace diffeo
