#pragma once

#include <ATen/core/Tensor.h>

namespace diffeo {

// What learned matrices over the channels are made of.

// A matrix [n, n] with `entries` [n (n - 1) / 2], row by row, strictly below or above a diagonal
// [n].
at::Tensor triangular(const at::Tensor& entries, const at::Tensor& diagonal, bool upper);

// W x over the channels at each position, and W^-1 x for triangular W: x [B, C, ...].
at::Tensor times_channels(const at::Tensor& matrix, const at::Tensor& x);
at::Tensor solved_channels(const at::Tensor& matrix, const at::Tensor& x, bool upper);

// A number for each channel beside x [B, C, ...]: [C, 1, ...].
at::Tensor beside_channels(const at::Tensor& of_channels, const at::Tensor& x);

// A scale that stays above 1e-3, softplus(raw) + 1e-3, and the raw number of scale 1 (nflows).
at::Tensor scale_of(const at::Tensor& raw);
double raw_of_unit_scale();

// x -> x - 2 (x.q) q / (q.q) over the channels at each position: x [B, C, ...], q [C].
at::Tensor reflected(const at::Tensor& x, const at::Tensor& q);

// One reflection after the other, by the rows of `vectors` [K, C]; undone from the last one.
at::Tensor all_reflected(const at::Tensor& x, const at::Tensor& vectors);
at::Tensor all_reflected_back(const at::Tensor& x, const at::Tensor& vectors);

}  // namespace diffeo
