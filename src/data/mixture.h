#pragma once

#include <utility>

#include "core/shape.h"

namespace diffeo {

// What the densities share. All float64.

// log sum_j w_j N(x; c_j, deviation^2 I) on the plane: x [N, 2], centres c [M, 2], log w [M] ->
// [N].
Tensor log_mixture(const Tensor& x, const Tensor& centres, const Tensor& log_weights,
                   double deviation);

// Gauss and Legendre's nodes and weights on [low, high], each [count]: sum w f(node) is the
// integral of f, exact for polynomials up to degree 2 count - 1.
std::pair<Tensor, Tensor> gauss_legendre(int64_t count, double low, double high);

}  // namespace diffeo
