#include "kernels/plain_kernels.h"

#include <ATen/ATen.h>

#include <cstdlib>
#include <string>

#include "core/error.h"

namespace diffeo {
namespace {

bool read_environment() {
  const char* value = std::getenv("DIFFEO_KERNELS");
  std::string form = value ? value : "";
  require(form.empty() || form == "plain", "DIFFEO_KERNELS: \"", form,
          "\" is not known; leave it unset, or say plain for tensor operations on the host too");
  return form == "plain";
}

// How many PlainKernels live on this thread.
int& living() {
  thread_local int count = 0;
  return count;
}

}  // namespace

bool plain_kernels() {
  static const bool plain = read_environment();
  return plain || living() > 0;
}

PlainKernels::PlainKernels() { ++living(); }
PlainKernels::~PlainKernels() { --living(); }

bool takes_loops(at::TensorList tensors) {
  if (plain_kernels()) return false;
  at::ScalarType type = tensors[0].scalar_type();
  if (type != at::kFloat && type != at::kDouble) return false;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined() && (!tensor.is_cpu() || tensor.scalar_type() != type)) return false;
  }
  return true;
}

void require_single_derivative(const char* function) {
  require(!at::GradMode::is_enabled(), function,
          ": differentiable once; DIFFEO_KERNELS=plain takes tensor operations, which can be "
          "differentiated again");
}

}  // namespace diffeo
