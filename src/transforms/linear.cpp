#include "transforms/linear.h"

#include <ATen/ATen.h>

#include <cmath>

namespace diffeo {
namespace {

// TensorFlow's default start of a variable of this shape: uniform, of variance 2 / (fan-in + fan-out).
Tensor glorot(const Site& site, const std::string& name, at::IntArrayRef sizes) {
  double fans = static_cast<double>(sizes[0] + sizes[sizes.size() - 1]);
  return site.uniform(name, sizes, std::sqrt(6 / fans));
}

Tensor sum_log_abs(const Tensor& diagonal) { return diagonal.abs().log().sum(); }

}  // namespace

Linear::Linear(const LinearConfig& config, const Site& site)
    : Transform(LinearConfig::kType, site, site.input), form_(config.form) {
  require(site.input.size() == 1, "maps vectors [D], not ", to_string(site.input), "; put a flatten before it");
  int64_t d = site.input[0];
  if (form_ == LinearForm::kDense) {
    matrix_ = register_parameter("matrix", site.rotation("matrix", d));
    bias_ = register_parameter("bias", site.constant({d}, 0));
    return;
  }
  lower_ = register_parameter("lower", glorot(site, "lower", {d * (d + 1) / 2}));
  v_ = register_parameter("v", glorot(site, "v", {d, config.rank}));
  bias_ = register_parameter("bias", glorot(site, "bias", {d}));
  Tensor places = at::tril_indices(d, d, 0, at::kLong).to(site.options.device());
  rows_ = places[0];
  columns_ = places[1];
}

Tensor Linear::lower() const {
  int64_t d = bias_.size(0);
  return lower_.new_zeros({d, d}).index_put({rows_, columns_}, lower_);
}

Tensor Linear::matrix() const { return form_ == LinearForm::kDense ? matrix_ : lower() + v_.mm(v_.t()); }

Linear::Solved Linear::solved_dense(const Tensor& y) const {
  auto [lu, pivots, info] = at::linalg_lu_factor_ex(matrix_, /*pivot=*/true, /*check_errors=*/false);
  return {at::linalg_lu_solve(lu, pivots, y.t()).t(), sum_log_abs(lu.diagonal())};
}

// Woodbury: M^-1 y = u - W C^-1 V^T u, with u = L^-1 y, W = L^-1 V and C = 1 + V^T W.
Linear::Solved Linear::solved_low_rank(const Tensor& y) const {
  Tensor l = lower();
  Tensor u = at::linalg_solve_triangular(l, y.t(), /*upper=*/false);
  Tensor w = at::linalg_solve_triangular(l, v_, /*upper=*/false);
  Tensor c = v_.t().mm(w) + at::diag_embed(v_.new_ones({v_.size(1)}));
  auto [lu, pivots, info] = at::linalg_lu_factor_ex(c, /*pivot=*/true, /*check_errors=*/false);
  Tensor z = u - w.mm(at::linalg_lu_solve(lu, pivots, v_.t().mm(u)));
  return {z.t(), sum_log_abs(l.diagonal()) + sum_log_abs(lu.diagonal())};
}

Mapped Linear::do_forward(const Tensor& x, const Pass&) {
  auto [z, log_abs_det] = form_ == LinearForm::kDense ? solved_dense(x - bias_) : solved_low_rank(x - bias_);
  return {z, (-log_abs_det).expand({x.size(0)})};
}

Tensor Linear::do_inverse(const Tensor& z, const Pass&) { return z.mm(matrix().t()) + bias_; }

}  // namespace diffeo
