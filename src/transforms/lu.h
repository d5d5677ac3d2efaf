#pragma once

#include <ATen/core/Tensor.h>

namespace diffeo {

// A^-1 B, and log |det A|, 0-dim, for square A [n, n] and B [n, m]. Differentiable; unlike
// at::linalg_solve and slogdet, which ask the host whether A is singular, it reads nothing back. A
// singular A gives infinities.
struct LuSolution {
  at::Tensor x, log_abs_det;
};
LuSolution lu_solution(const at::Tensor& a, const at::Tensor& b);

// log |det A| alone, computed in double precision. The gradient is A^-T.
at::Tensor log_abs_det(const at::Tensor& a);

// The identity in the size and precision of a square matrix.
at::Tensor identity_like(const at::Tensor& a);

}  // namespace diffeo
