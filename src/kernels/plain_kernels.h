#pragma once

namespace diffeo {

// Whether the environment says DIFFEO_KERNELS=plain: then the host too takes the tensor operations
// that other devices take, instead of the loops that are vectorized for it. The results agree to
// rounding; it tells whether such a loop is what is wrong. Read once. Throws if it says anything
// else.
bool plain_kernels();

}  // namespace diffeo
