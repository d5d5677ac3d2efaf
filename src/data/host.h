#pragma once

#include <c10/core/TensorOptions.h>

namespace diffeo {

// Data lie on the host until the caller moves a batch.
inline at::TensorOptions host_options(at::ScalarType type) {
  return at::TensorOptions(type).device(at::kCPU);
}

}  // namespace diffeo
