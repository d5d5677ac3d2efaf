#include "kernels/adam_step.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include "kernels/plain_kernels.h"

namespace diffeo {

using at::Tensor;

namespace {

// Read where it stands, on the host.
bool is_admitted(const Tensor& number) {
  return number.scalar_type() == at::kDouble ? *number.const_data_ptr<double>() != 0
                                             : *number.const_data_ptr<float>() != 0;
}

}  // namespace

void adam_step(const Tensor& weights, const Tensor& gradient, const Tensor& m, const Tensor& v,
               const AdamStep& step, const Tensor& admitted) {
  if (!weights.is_cpu() || plain_kernels())
    return adam_step_plain(weights, gradient, m, v, step, admitted);
  if (is_admitted(admitted)) adam_step_host(weights, gradient, m, v, step);
}

void adam_step_plain(const Tensor& weights, const Tensor& gradient, const Tensor& m,
                     const Tensor& v, const AdamStep& step, const Tensor& admitted) {
  if (step.shrink != 0) weights.mul_(1 - admitted * step.shrink);
  m.lerp_(gradient, admitted * step.take_m);
  Tensor scratch = gradient;
  if (step.by_largest) {
    scratch.abs_().mul_(admitted);
    Tensor largest = v;
    at::maximum_out(largest, largest.mul_(1 - admitted * step.take_v), scratch);
    scratch.copy_(largest);
  } else {
    v.lerp_(scratch.square_(), admitted * step.take_v);
    at::sqrt_out(scratch, v);
  }
  at::div_out(scratch, m, scratch.add_(step.epsilon));
  weights.addcmul_(scratch, admitted * step.rate, -1);
}

void adam_step_host(const Tensor& weights, const Tensor& gradient, const Tensor& m, const Tensor& v,
                    const AdamStep& step, InstructionSet set) {
  constexpr int64_t kNumbersOfPart = 1 << 15;  // fewer are not worth a thread
  // Parts begin where the flat buffers are aligned: an element's rounding may depend on whether it
  // falls into a register or into a loop's rest, and so must not depend on the number of threads.
  constexpr int64_t kUnit = 64;
  int64_t units = (weights.numel() + kUnit - 1) / kUnit;
  AT_DISPATCH_FLOATING_TYPES(weights.scalar_type(), "adam_step", [&] {
    scalar_t *w = weights.mutable_data_ptr<scalar_t>(), *mean = m.mutable_data_ptr<scalar_t>(),
             *spread = v.mutable_data_ptr<scalar_t>();
    const scalar_t* g = gradient.const_data_ptr<scalar_t>();
    at::parallel_for(0, units, kNumbersOfPart / kUnit, [&](int64_t begin, int64_t end) {
      int64_t first = begin * kUnit, count = std::min(end * kUnit, weights.numel()) - first;
      adam_loop(w + first, g + first, mean + first, spread + first, count, step, set);
    });
  });
}

}  // namespace diffeo
