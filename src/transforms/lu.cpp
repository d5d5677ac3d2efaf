#include "transforms/lu.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace diffeo {
namespace {

at::Tensor sum_log_abs(const at::Tensor& lu) { return lu.diagonal().abs().log().sum(); }

// A^-1 B for A = P L U. (linalg_lu_solve would ask the host whether the pivots are valid.)
at::Tensor solved(const at::Tensor& p, const at::Tensor& lower, const at::Tensor& upper,
                  const at::Tensor& b) {
  at::Tensor half = at::linalg_solve_triangular(lower, p.t().mm(b), /*upper=*/false, /*left=*/true,
                                                /*unitriangular=*/true);
  return at::linalg_solve_triangular(upper, half, /*upper=*/true);
}

// Through the factors themselves autograd would go by way of both triangles.
struct LogAbsDet : torch::autograd::Function<LogAbsDet> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& a) {
    auto [p, lower, upper] = at::linalg_lu(a.to(at::kDouble));
    context->save_for_backward({p, lower, upper});
    return sum_log_abs(upper).to(a.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    torch::autograd::variable_list saved = context->get_saved_variables();
    at::Tensor inverse = solved(saved[0], saved[1], saved[2], identity_like(saved[0]));
    return {(inverse.t() * gradients[0]).to(gradients[0].scalar_type())};
  }
};

}  // namespace

LuSolution lu_solution(const at::Tensor& a, const at::Tensor& b) {
  auto [p, lower, upper] = at::linalg_lu(a);
  return {solved(p, lower, upper, b), sum_log_abs(upper)};
}

at::Tensor log_abs_det(const at::Tensor& a) { return LogAbsDet::apply(a); }

at::Tensor identity_like(const at::Tensor& a) { return at::diag_embed(a.new_ones({a.size(0)})); }

}  // namespace diffeo
