#include "core/base.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/shape.h"

namespace diffeo {

at::Tensor standard_normal_log_prob(const at::Tensor& z) {
  return -0.5 * sum_events(z.square() + std::log(2 * M_PI));
}

// at::softplus would switch to the identity above 20, which double precision sees.
at::Tensor log_sigmoid_slope(const at::Tensor& x) {
  return at::log_sigmoid(x) + at::log_sigmoid(-x);
}

at::Tensor base_log_prob(Base base, const at::Tensor& z) {
  return base == Base::kNormal ? standard_normal_log_prob(z) : sum_events(log_sigmoid_slope(z));
}

// A draw of exactly 0 would become an infinite logit.
at::Tensor base_sample(Base base, Noise& noise, const std::string& path, const at::Tensor& like) {
  if (base == Base::kNormal) return noise.normal(path, like);
  return noise.uniform(path, like).clamp_min(std::ldexp(1.0, -26)).logit();
}

// sigma(b) - sigma(a) = sigma(b) sigma(-a) (1 - exp(a - b)).
at::Tensor log_logistic_mass(const at::Tensor& x, const at::Tensor& half) {
  return at::log_sigmoid(x + half) + at::log_sigmoid(half - x) + (-(-2 * half).expm1()).log();
}

}  // namespace diffeo
