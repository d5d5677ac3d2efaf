#pragma once

#include "golden/vector_plan.h"

namespace diffeo::golden {

VectorPlan nflows_plan(const Case& c, const NamedTensors& tensors);

}  // namespace diffeo::golden
