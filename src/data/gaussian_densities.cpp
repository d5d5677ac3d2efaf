#include "data/gaussian_densities.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/base.h"
#include "data/host.h"
#include "data/mixture.h"

namespace diffeo {
namespace {

// Entropy of N(0, I) on the plane.
double standard_entropy() { return std::log(2 * M_PI * std::exp(1)); }

Tensor standard_pair(Noise& noise, const Tensor& like) {
  return at::stack({noise.normal("density.first", like), noise.normal("density.second", like)}, 1);
}

}  // namespace

Tensor Tutorial::do_sample(Noise& noise, const Tensor& like) const {
  Tensor x2 = deviation_ * noise.normal("density.second", like);
  return at::stack({x2.square() / 4 + noise.normal("density.first", like), x2}, 1);
}

// An exact flow with the constant volume 1 / deviation takes it to N(0, I).
Tensor Tutorial::do_log_prob(const Tensor& x) const {
  Tensor x1 = x.select(1, 0), x2 = x.select(1, 1);
  return standard_normal_log_prob(at::stack({x1 - x2.square() / 4, x2 / deviation_}, 1)) -
         std::log(deviation_);
}

double Tutorial::entropy() const { return standard_entropy() + std::log(deviation_); }

CorrelatedGaussian::CorrelatedGaussian(std::vector<double> mean, std::vector<double> a)
    : mean_(at::tensor(mean, host_options(at::kDouble))),
      a_(at::tensor(a, host_options(at::kDouble)).view({2, 2})) {}

Tensor CorrelatedGaussian::do_sample(Noise& noise, const Tensor& like) const {
  return mean_.to(like.device()) + standard_pair(noise, like).mm(a_.to(like.device()));
}

Tensor CorrelatedGaussian::do_log_prob(const Tensor& x) const {
  Tensor z = (x - mean_.to(x.device())).mm(a_.inverse().to(x.device()));
  return standard_normal_log_prob(z) - a_.det().abs().log().to(x.device());
}

double CorrelatedGaussian::entropy() const {
  return standard_entropy() + std::log(std::abs(a_.det().item<double>()));
}

Tensor Funnel::do_sample(Noise& noise, const Tensor& like) const {
  Tensor x1 = deviation_ * noise.normal("density.first", like);
  return at::stack({x1, (x1 / 2).exp() * noise.normal("density.second", like)}, 1);
}

Tensor Funnel::do_log_prob(const Tensor& x) const {
  Tensor x1 = x.select(1, 0), x2 = x.select(1, 1);
  Tensor z = at::stack({x1 / deviation_, (-x1 / 2).exp() * x2}, 1);
  return standard_normal_log_prob(z) - std::log(deviation_) - x1 / 2;
}

double Funnel::entropy() const { return standard_entropy() + std::log(deviation_); }

GaussianCircle::GaussianCircle(int64_t count, double radius, double deviation)
    : radius_(radius), deviation_(deviation) {
  Tensor angle = 2 * M_PI * at::arange(count, host_options(at::kDouble)) / count;
  centres_ = radius * at::stack({angle.cos(), angle.sin()}, 1);
}

Tensor GaussianCircle::do_sample(Noise& noise, const Tensor& like) const {
  Tensor k = (noise.uniform("density.part", like) * centres_.size(0)).to(at::kLong);
  return centres_.to(like.device()).index_select(0, k) + deviation_ * standard_pair(noise, like);
}

Tensor GaussianCircle::do_log_prob(const Tensor& x) const {
  Tensor log_weights =
      at::full({centres_.size(0)}, -std::log(centres_.size(0)), centres_.options());
  return log_mixture(x, centres_, log_weights, deviation_);
}

double GaussianCircle::entropy() const {
  return entropy_on_grid(radius_ + 10 * deviation_, deviation_ / 5);
}

}  // namespace diffeo
