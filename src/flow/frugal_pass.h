#pragma once

#include "flow/memory_plan.h"
#include "transforms/sequence.h"

namespace diffeo {

// layers.forward() of a training, and its gradient, by a plan that does not store all: one function
// of autograd, which walks the flat chain back layer by layer. Each layer's input is the one that
// was kept, or rebuilt from its output (Transform::replay), and only that layer's graph exists at a
// time (Gomez et al. 2017; Chen et al. 2016). The gradients of parameters are added to theirs, as
// backward() does; those of x and of the pass's features are returned to autograd.
//
// The noise of `pass` must outlive the backward pass and draw the same when asked again; the pass
// has no observer.
Mapped frugal_forward(Sequence& layers, const Tensor& x, const Pass& pass, const MemoryPlan& plan);

}  // namespace diffeo
