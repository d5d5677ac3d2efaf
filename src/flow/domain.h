#pragma once

#include <optional>

#include "flow/flow.h"

namespace diffeo {

// Finds the first layer that is given a number outside what it maps, as opposed to one whose own
// result is not finite. Put into a pass as its observer; `found` stays empty where there is none,
// else its `what` begins with the layer's path: "flow.1_logit is given 2 at [0], and maps 0 to 1".
Observer domain_observer(const Flow& flow, std::optional<OutsideDomain>& found);

// The same of one pass over x [B, ...].
std::optional<OutsideDomain> outside_domain(Flow& flow, const Tensor& x, Pass pass);

}  // namespace diffeo
