#pragma once

#include <ATen/core/Tensor.h>

namespace diffeo {

// Whether the environment says DIFFEO_KERNELS=plain: then the host too takes the tensor operations
// that other devices take, instead of the loops that are vectorized for it. The results agree to
// rounding; it tells whether such a loop is what is wrong. Read once. Throws if it says anything
// else.
bool plain_kernels();

// As long as one lives, its thread takes the tensor operations, as a trace needs, which follows
// nothing else.
class PlainKernels {
 public:
  PlainKernels();
  ~PlainKernels();
  PlainKernels(const PlainKernels&) = delete;
  PlainKernels& operator=(const PlainKernels&) = delete;
};

// Whether the host's loops serve these tensors: all there, and all float or all double. Undefined
// ones do not matter.
bool takes_loops(at::TensorList tensors);

// For the backward pass of a loop: its gradient is a number to autograd, which would take the
// second derivative for zero. Throws where one is asked for (create_graph).
void require_single_derivative(const char* function);

}  // namespace diffeo
