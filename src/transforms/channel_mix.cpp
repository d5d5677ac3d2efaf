#include "transforms/channel_mix.h"

#include <ATen/ATen.h>

#include "transforms/lu.h"

namespace diffeo {
namespace {

// One matrix product over all positions, which asks for the channels to stand last.
Tensor mixed(const Tensor& weight, const Tensor& x, const Tensor& bias = {}) {
  if (x.dim() == 2) return at::linear(x, weight, bias);
  Tensor rows = x.permute({0, 2, 3, 1}).contiguous();
  return at::linear(rows, weight, bias).permute({0, 3, 1, 2});
}

class PlainMix final : public ChannelMix {
 public:
  explicit PlainMix(const Tensor& start) : weight_(register_parameter("weight", start)) {}

  Tensor log_abs_det() const override { return diffeo::log_abs_det(weight_); }

 private:
  Tensor weight() const override { return weight_; }
  Tensor inverse_weight() const override {
    Tensor twice = weight_.to(at::kDouble);
    return lu_solution(twice, identity_like(twice)).x.to(weight_.scalar_type());
  }

  Tensor weight_;  // [C, C]
};

class LuMix final : public ChannelMix {
 public:
  explicit LuMix(const Tensor& start) {
    auto [p, lower, upper, s] = factors(start.t());
    auto kept = [&](const Tensor& t) { return t.contiguous().to(start.options()); };
    p_ = register_buffer("p", kept(p));
    sign_s_ = register_buffer("sign_s", kept(s.sign()));
    lower_ = register_parameter("l", kept(lower));
    upper_ = register_parameter("u", kept(upper));
    log_s_ = register_parameter("log_s", kept(s.square().log() / 2));
  }

  Tensor log_abs_det() const override { return log_s_.sum(); }

 private:
  struct Factors {
    Tensor p, lower, upper, s;  // upper and lower without their diagonals, s that of the upper
  };

  // On the meta device only the shapes, for which there is no factorisation.
  static Factors factors(const Tensor& matrix) {
    if (matrix.is_meta()) return {matrix, matrix, matrix, matrix.diagonal()};
    auto [p, lower, upper] = at::linalg_lu(matrix.to(at::kDouble));
    return {p, lower.tril(-1), upper.triu(1), upper.diagonal()};
  }

  // Both triangles in double precision: their product is rounded once.
  Tensor lower() const {
    Tensor l = lower_.to(at::kDouble).tril(-1);
    return l + identity_like(l);
  }
  Tensor upper() const {
    return upper_.to(at::kDouble).triu(1) + at::diag_embed(sign_s_ * log_s_.to(at::kDouble).exp());
  }

  Tensor weight() const override {
    return p_.to(at::kDouble).mm(lower().mm(upper())).t().to(log_s_.scalar_type());
  }
  Tensor inverse_weight() const override {
    Tensor half = at::linalg_solve_triangular(lower(), p_.to(at::kDouble).t(), /*upper=*/false);
    return at::linalg_solve_triangular(upper(), half, /*upper=*/true).t().to(log_s_.scalar_type());
  }

  Tensor p_, sign_s_;             // [C, C] permutation matrix, [C]
  Tensor lower_, upper_, log_s_;  // [C, C], [C, C], [C]
};

}  // namespace

Tensor ChannelMix::forward(const Tensor& x) const { return mixed(weight(), x); }

Tensor ChannelMix::forward_scaled(const Tensor& x, const Tensor& scale, const Tensor& shift) const {
  Tensor w = weight();
  return mixed(w * scale.flatten(), x, w.mv(shift.flatten()));
}

Tensor ChannelMix::inverse(const Tensor& y) const { return mixed(inverse_weight(), y); }

std::shared_ptr<ChannelMix> make_plain_mix(const Tensor& start) {
  return std::make_shared<PlainMix>(start);
}

std::shared_ptr<ChannelMix> make_lu_mix(const Tensor& start) {
  return std::make_shared<LuMix>(start);
}

}  // namespace diffeo
