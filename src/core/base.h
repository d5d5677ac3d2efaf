#pragma once

#include <ATen/core/Tensor.h>

#include "core/enums.h"
#include "core/noise.h"

namespace diffeo {

// The factorised density at the noise end of a flow: each coordinate independent, all alike.
enum class Base {
  kNormal,    // N(0, 1)
  kLogistic,  // log p(z) = -softplus(z) - softplus(-z)   (Dinh, Krueger, Bengio 2014, section 3.4)
};
template <>
struct EnumNames<Base> {
  static constexpr std::array names{std::pair{"normal", Base::kNormal},
                                    std::pair{"logistic", Base::kLogistic}};
};

// Log-density of each example: [B, ...] -> [B], nats.
at::Tensor base_log_prob(Base base, const at::Tensor& z);

// One draw shaped as `like`, named `path` in the noise.
at::Tensor base_sample(Base base, Noise& noise, const std::string& path, const at::Tensor& like);

// Log-density of N(0, I) for each example: [B, ...] -> [B], nats.
at::Tensor standard_normal_log_prob(const at::Tensor& z);

// log sigma(x) + log sigma(-x) elementwise: the log-slope of the sigmoid, and the logistic
// log-density. Exact far into both tails.
at::Tensor log_sigmoid_slope(const at::Tensor& x);

// log (sigma(x + half) - sigma(x - half)) elementwise, half > 0: the mass of an interval under the
// standard logistic density. Exact far into both tails, and for the narrowest interval.
at::Tensor log_logistic_mass(const at::Tensor& x, const at::Tensor& half);

}  // namespace diffeo
