#include "transforms/lu.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

at::Tensor sum_log_abs(const at::Tensor& lu) { return lu.diagonal().abs().log().sum(); }

}  // namespace

LuSolution lu_solution(const at::Tensor& a, const at::Tensor& b) {
  auto [p, lower, upper] = at::linalg_lu(a);
  at::Tensor half = at::linalg_solve_triangular(lower, p.t().mm(b), /*upper=*/false, /*left=*/true,
                                                /*unitriangular=*/true);
  return {at::linalg_solve_triangular(upper, half, /*upper=*/true), sum_log_abs(upper)};
}

at::Tensor log_abs_det(const at::Tensor& a) {
  return sum_log_abs(
      std::get<0>(at::linalg_lu_factor_ex(a, /*pivot=*/true, /*check_errors=*/false)));
}

at::Tensor identity_like(const at::Tensor& a) { return at::diag_embed(a.new_ones({a.size(0)})); }

}  // namespace diffeo
