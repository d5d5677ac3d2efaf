#pragma once

#include <string>
#include <vector>

#include "flow/flow.h"

namespace diffeo {

// A rebuilt input further off than this makes gradients wrong in digits that single precision has.
constexpr double kDriftBound = 1e-4;

// How far a layer's input, as the way back rebuilds it (Memory::kInvert), is from what it was:
// the largest error, as a share of the largest number of that input.
struct Drift {
  std::string path;
  double error;  // may be NaN

  bool is_too_large() const { return !(error <= kDriftBound); }
};

// Takes examples [B, ...] forward and the chain back, from each input to the one before, as
// backward passes do: errors add up from layer to layer, until one keeps its input, or would have
// to, because its drift is too large. Of each layer that rebuilds its input by `plan`, from the
// last to the first. Nothing changes. Waits for the device.
std::vector<Drift> drifts_of(Flow& flow, const Tensor& x, const Pass& pass, const MemoryPlan& plan);

// The largest, "flow.3_coupling, off by 2.1e-07 at most"; the first layer's where one has no
// number. Of at least one.
const Drift& largest_of(const std::vector<Drift>& drifts);
std::string text_of(const Drift& drift);

}  // namespace diffeo
