#include "transforms/linear.h"

#include <ATen/ATen.h>

#include <cmath>

namespace diffeo {
namespace {

// TensorFlow's default start of a variable of this shape: uniform, of variance 2 / (fan-in +
// fan-out).
Tensor glorot(const Site& site, const std::string& name, at::IntArrayRef sizes) {
  double fans = static_cast<double>(sizes[0] + sizes[sizes.size() - 1]);
  return site.uniform(name, sizes, std::sqrt(6 / fans));
}

}  // namespace

Linear::Linear(const LinearConfig& config, const Site& site)
    : Transform(LinearConfig::kType, site, site.input), form_(config.form) {
  require(site.input.size() == 1, "maps vectors [D], not ", to_string(site.input),
          "; put a flatten before it");
  int64_t d = site.input[0];
  if (form_ == LinearForm::kDense) {
    matrix_ = register_parameter("matrix", site.rotation("matrix", d));
    bias_ = register_parameter("bias", site.constant({d}, 0));
    return;
  }
  lower_ = register_parameter("lower", glorot(site, "lower", {d * (d + 1) / 2}));
  v_ = register_parameter("v", glorot(site, "v", {d, config.rank}));
  bias_ = register_parameter("bias", glorot(site, "bias", {d}));
  if (lower_.is_meta()) return;
  Tensor rows_and_columns = at::tril_indices(d, d, 0, lower_.options().dtype(at::kLong));
  places_ = rows_and_columns[0] * d + rows_and_columns[1];
}

Tensor Linear::lower() const {
  int64_t d = bias_.size(0);
  return lower_.new_zeros({d * d}).scatter(0, places_, lower_).view({d, d});
}

Tensor Linear::matrix() const {
  return form_ == LinearForm::kDense ? matrix_ : lower() + v_.mm(v_.t());
}

// Woodbury: M^-1 y = u - W C^-1 V^T u, with u = L^-1 y, W = L^-1 V and C = 1 + V^T W.
LuSolution Linear::solved_low_rank(const Tensor& y) const {
  Tensor l = lower();
  Tensor u = at::linalg_solve_triangular(l, y, /*upper=*/false);
  Tensor w = at::linalg_solve_triangular(l, v_, /*upper=*/false);
  Tensor vw = v_.t().mm(w);
  LuSolution inner = lu_solution(vw + identity_like(vw), v_.t().mm(u));
  return {u - w.mm(inner.x), l.diagonal().abs().log().sum() + inner.log_abs_det};
}

Mapped Linear::do_forward(const Tensor& x, const Pass&) {
  Tensor columns = (x - bias_).t();
  auto [z, log_det] =
      form_ == LinearForm::kDense ? lu_solution(matrix_, columns) : solved_low_rank(columns);
  return {z.t(), (-log_det).expand({x.size(0)})};
}

Tensor Linear::do_inverse(const Tensor& z, const Pass&) { return z.mm(matrix().t()) + bias_; }

}  // namespace diffeo
