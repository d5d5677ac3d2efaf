#include "transforms/matrix_parts.h"

#include <ATen/ATen.h>

#include <cmath>

namespace diffeo {
namespace {

using at::Tensor;

constexpr double kSmallestScale = 1e-3;

// The channels of x as columns, [C, B positions], and back.
Tensor columns_of(const Tensor& x) { return x.transpose(0, 1).flatten(1); }

Tensor from_columns(const Tensor& columns, const Tensor& like) {
  return columns.view(like.transpose(0, 1).sizes()).transpose(0, 1);
}

}  // namespace

Tensor triangular(const Tensor& entries, const Tensor& diagonal, bool upper) {
  int64_t n = diagonal.size(0);
  at::TensorOptions long_options = entries.options().dtype(at::kLong);
  Tensor places =
      upper ? at::triu_indices(n, n, 1, long_options) : at::tril_indices(n, n, -1, long_options);
  Tensor beside =
      entries.new_zeros({n * n}).scatter(0, places[0] * n + places[1], entries).view({n, n});
  return beside + at::diag_embed(diagonal);
}

Tensor times_channels(const Tensor& matrix, const Tensor& x) {
  return x.dim() == 2 ? at::linear(x, matrix) : at::conv2d(x, matrix.unsqueeze(2).unsqueeze(3));
}

Tensor solved_channels(const Tensor& matrix, const Tensor& x, bool upper) {
  return from_columns(at::linalg_solve_triangular(matrix, columns_of(x), upper), x);
}

Tensor beside_channels(const Tensor& of_channels, const Tensor& x) {
  std::vector<int64_t> sizes(static_cast<size_t>(x.dim()) - 1, 1);
  sizes[0] = of_channels.size(0);
  return of_channels.view(sizes);
}

double raw_of_unit_scale() { return std::log(std::expm1(1 - kSmallestScale)); }

Tensor scale_of(const Tensor& raw) { return kSmallestScale - at::log_sigmoid(-raw); }

// All channels of a position stand beside each other for the sum, whatever follows them.
Tensor reflected(const Tensor& x, const Tensor& q) {
  Tensor direction = beside_channels(q, x);
  Tensor along = (x * direction).sum(1, /*keepdim=*/true) / q.square().sum();
  return x - 2 * along * direction;
}

Tensor all_reflected(const Tensor& x, const Tensor& vectors) {
  Tensor y = x;
  for (int64_t i = 0; i < vectors.size(0); ++i) y = reflected(y, vectors[i]);
  return y;
}

Tensor all_reflected_back(const Tensor& x, const Tensor& vectors) {
  Tensor y = x;
  for (int64_t i = vectors.size(0) - 1; i >= 0; --i) y = reflected(y, vectors[i]);
  return y;
}

}  // namespace diffeo
