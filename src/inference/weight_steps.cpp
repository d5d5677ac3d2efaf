#include "inference/weight_steps.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace diffeo {
namespace {

using Tensors = std::vector<Tensor>;

// First and second half of the rows.
Tensors row_halves(const Tensor& x, const char* step) {
  require(x.dim() > 0 && x.size(0) % 2 == 0, step, ": the rows of ", x.sizes(), " have no halves");
  return x.chunk(2, 0);
}

Tensor swapped_halves(const Tensor& x) {
  Tensors halves = row_halves(x, "swap_halves");
  return at::cat({halves[1], halves[0]});
}

Tensor interleaved(const Tensor& x) {
  return at::stack(row_halves(x, "interleave"), 1).flatten(0, 1);
}

Tensor with_even_rows_negated(const Tensor& x) {
  require(x.dim() > 0, "negate_even: a number has no rows");
  Tensor y = x.clone();
  y.slice(0, 0, std::nullopt, 2).neg_();
  return y;
}

Tensor summed_over_inputs(const Tensor& x) {
  require(x.dim() > 1, "sum_inputs: expected [outputs, inputs, ...], found ", x.sizes());
  return x.sum(1, /*keepdim=*/true);
}

Tensor lu_product(const Tensors& parts) {
  require(parts.size() == 5, "lu_product: expected [P, L, U, log s, sign s], found ", parts.size(),
          parts.size() == 1 ? " tensor" : " tensors");
  int64_t n = parts[3].numel();
  for (size_t i = 0; i < parts.size(); ++i) {
    bool fits = i < 3 ? parts[i].sizes() == at::IntArrayRef({n, n}) : parts[i].sizes() == n;
    require(fits, "lu_product: expected three matrices and two vectors of one size, found ",
            parts[i].sizes(), " beside ", parts[3].sizes());
  }
  Tensor lower = parts[1].tril(-1) + at::diag_embed(at::ones_like(parts[3]));
  Tensor upper = parts[2].triu(1) + at::diag_embed(parts[4] * parts[3].exp());
  return parts[0].mm(lower).mm(upper);
}

Tensor of_one(WeightStep step, const Tensor& x) {
  switch (step) {
    case WeightStep::kNegate: return -x;
    case WeightStep::kLog: return x.log();
    case WeightStep::kThird: return x / 3;
    case WeightStep::kFlatten: return x.flatten();
    case WeightStep::kSwapHalves: return swapped_halves(x);
    case WeightStep::kInterleave: return interleaved(x);
    case WeightStep::kNegateEven: return with_even_rows_negated(x);
    case WeightStep::kSumInputs: return summed_over_inputs(x);
    case WeightStep::kJoin:
    case WeightStep::kLuProduct: break;
  }
  fail("weights: unknown step");
}

Tensor joined_rows(const Tensors& parts) {
  for (const Tensor& part : parts)
    require(part.dim() > 0 && part[0].sizes() == parts[0][0].sizes(), "join: ", part.sizes(),
            " does not go behind ", parts[0].sizes());
  return at::cat(parts);
}

}  // namespace

Tensor after(const std::vector<WeightStep>& steps, const Tensors& tensors) {
  Tensors now;
  for (const Tensor& tensor : tensors) now.push_back(tensor.to(at::kDouble));
  for (WeightStep step : steps) {
    if (step == WeightStep::kLuProduct) now = {lu_product(now)};
    else if (step == WeightStep::kJoin) now = {joined_rows(now)};
    else
      for (Tensor& tensor : now) tensor = of_one(step, tensor);
  }
  require(now.size() == 1, "is made of ", now.size(), " tensors; the last step must leave one");
  return now[0];
}

}  // namespace diffeo
