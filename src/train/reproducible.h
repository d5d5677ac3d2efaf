#pragma once

namespace diffeo {

// Makes LibTorch compute the same bytes each time on one machine, and single precision in all of its digits: cuDNN
// takes deterministic algorithms, tries none out, and does not round to TF32, which would blur densities and inverses.
// For the whole process.
void compute_reproducibly();

}  // namespace diffeo
