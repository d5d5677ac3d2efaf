#pragma once

#include <string>

#include "learn/learner.h"

namespace diffeo {

// Runs a step whose loss or gradient was not finite again, with the same weights, batch and noise,
// and says in one sentence where it first went bad: the layer whose output or log_det is not
// finite, the auxiliary term, or, where the forward pass is fine, the first parameter whose
// gradient is not. Changes gradients and running moments, no weights.
std::string explain_divergence(Learner& learner, int64_t step, const Batch& batch);

}  // namespace diffeo
