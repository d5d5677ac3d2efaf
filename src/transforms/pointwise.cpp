#include "transforms/pointwise.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "core/base.h"

namespace diffeo {
namespace {

// Keeps the logarithm of 0 finite.
Tensor above_zero(const Tensor& p) {
  bool twice = p.scalar_type() == at::kDouble;
  return p.clamp_min(twice ? std::numeric_limits<double>::min()
                           : std::numeric_limits<float>::min());
}

}  // namespace

Logit::Logit(const LogitConfig& config, const Site& site)
    : Transform(LogitConfig::kType, site, site.input), alpha_(config.alpha) {}

Tensor Logit::inside(const Tensor& x) const {
  double margin = alpha_ / (1 - 2 * alpha_);
  return x.clamp(-margin, 1 + margin);
}

std::optional<OutsideDomain> Logit::outside_domain(const Tensor& x) const {
  double margin = alpha_ / (1 - 2 * alpha_);
  return first_outside(x, {0 - margin, 1 + margin});
}

// log p - log q loses digits where p is near q, and 1 - p where p is near 1. So q is not taken from
// p, and their ratio is 1 + t / q or 1 / (1 - t / p), whichever has a positive t. (At t = 0 just
// one of the two must have a slope.)
Mapped Logit::do_forward(const Tensor& given, const Pass&) {
  double width = 1 - 2 * alpha_;
  Tensor x = inside(given), lies_outside = (x != given).flatten(1).any(1);
  Tensor p = above_zero(alpha_ + width * x), q = above_zero(alpha_ + width * (1 - x));
  Tensor t = width * (2 * x - 1);
  Tensor y = (t.clamp_min(0) / q).log1p() - ((-t).relu() / p).log1p();
  Tensor log_det = sum_events(std::log(width) - p.log() - q.log());
  return {y, log_det.masked_fill(lies_outside, -std::numeric_limits<double>::infinity())};
}

Tensor Logit::do_inverse(const Tensor& z, const Pass&) {
  return (z.sigmoid() - alpha_) / (1 - 2 * alpha_);
}

Sigmoid::Sigmoid(const SigmoidConfig&, const Site& site)
    : Transform(SigmoidConfig::kType, site, site.input) {}

Mapped Sigmoid::do_forward(const Tensor& x, const Pass&) {
  return {x.sigmoid(), sum_events(log_sigmoid_slope(x))};
}

Tensor Sigmoid::do_inverse(const Tensor& z, const Pass&) { return z.logit(); }

Scale::Scale(const ScaleConfig& config, const Site& site)
    : Transform(ScaleConfig::kType, site, site.input),
      factor_(config.factor),
      shift_(config.shift) {
  require(factor_ != 0, "factor: 0 has no inverse");
}

Mapped Scale::do_forward(const Tensor& x, const Pass&) {
  double log_det = std::log(std::abs(factor_)) * static_cast<double>(numel(input_shape()));
  return {factor_ * x + shift_, x.new_full({x.size(0)}, log_det)};
}

Tensor Scale::do_inverse(const Tensor& z, const Pass&) { return (z - shift_) / factor_; }

Diagonal::Diagonal(const DiagonalConfig&, const Site& site)
    : Transform(DiagonalConfig::kType, site, site.input) {
  log_scale_ = register_parameter("log_scale", site.constant(site.input, 0));
}

Mapped Diagonal::do_forward(const Tensor& x, const Pass&) {
  return {x * log_scale_.exp(), log_scale_.sum().expand({x.size(0)})};
}

Tensor Diagonal::do_inverse(const Tensor& z, const Pass&) { return z * (-log_scale_).exp(); }

PRelu::PRelu(const PReluConfig&, const Site& site)
    : Transform(PReluConfig::kType, site, site.input) {
  a_ = register_parameter("a", site.uniform("a", {}, std::sqrt(3.0)));
}

Tensor PRelu::slope() const { return a_.abs() + 0.01; }

Mapped PRelu::do_forward(const Tensor& x, const Pass&) {
  Tensor alpha = slope(), negative = x < 0;
  return {at::where(negative, x / alpha, x),
          -alpha.log() * sum_events(negative.to(x.scalar_type()))};
}

Tensor PRelu::do_inverse(const Tensor& z, const Pass&) { return at::where(z < 0, slope() * z, z); }

}  // namespace diffeo
