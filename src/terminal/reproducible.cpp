#include "terminal/reproducible.h"

#include <ATen/Context.h>

namespace diffeo {

void compute_reproducibly() {
  at::Context& context = at::globalContext();
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
}

}  // namespace diffeo
