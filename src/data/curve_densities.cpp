#include "data/curve_densities.h"

#include <ATen/ATen.h>

#include <cmath>

#include "data/host.h"
#include "data/mixture.h"

namespace diffeo {
namespace {

Tensor moon(const Tensor& t) { return at::stack({t.cos(), t.sin()}, 1); }

// The second moon is the first one turned about the point (1/2, 1/4).
Tensor turned_moon(const Tensor& on_moon) {
  return at::stack({1 - on_moon.select(1, 0), 0.5 - on_moon.select(1, 1)}, 1);
}

Tensor spiral(const Tensor& n, double shrink) {
  return at::stack({-n * n.cos(), n * n.sin()}, 1) / shrink;
}

// Nodes on a curve: at the widest, in the middle, neighbours are half a deviation apart. That
// already errs by no more than 1e-11, because a Gaussian is that smooth.
std::pair<Tensor, Tensor> nodes_on(double low, double high, double length, double deviation) {
  return gauss_legendre(static_cast<int64_t>(std::ceil(3.5 * length / deviation)), low, high);
}

// For each example one curve or the other, with probability 1/2.
Tensor either(Noise& noise, const Tensor& like, const Tensor& one, const Tensor& other) {
  return at::where((noise.uniform("density.part", like) < 0.5).unsqueeze(1), one, other);
}

Tensor blur(Noise& noise, const Tensor& x, double deviation) {
  return x + deviation * noise.normal("density.blur", x);
}

}  // namespace

TwoMoons::TwoMoons(double deviation) : deviation_(deviation) {
  auto [t, weights] = nodes_on(0, M_PI, M_PI, deviation);
  nodes_ = at::cat({moon(t), turned_moon(moon(t))});
  log_weights_ = (weights / (2 * M_PI)).log().repeat(2);
}

Tensor TwoMoons::do_sample(Noise& noise, const Tensor& like) const {
  Tensor on_moon = moon(M_PI * noise.uniform("density.angle", like));
  return blur(noise, either(noise, like, on_moon, turned_moon(on_moon)), deviation_);
}

Tensor TwoMoons::do_log_prob(const Tensor& x) const {
  return log_mixture(x, nodes_, log_weights_, deviation_);
}

double TwoMoons::entropy() const { return entropy_on_grid(2 + 10 * deviation_, deviation_ / 5); }

// n has the density 2 n / turn^2 on [0, turn].
TwoSpirals::TwoSpirals(double turn, double shrink, double deviation)
    : turn_(turn), shrink_(shrink), deviation_(deviation) {
  auto [n, weights] = nodes_on(0, turn, turn * turn / (2 * shrink), deviation);
  nodes_ = at::cat({spiral(n, shrink), -spiral(n, shrink)});
  log_weights_ = (weights * n / (turn * turn)).log().repeat(2);
}

Tensor TwoSpirals::do_sample(Noise& noise, const Tensor& like) const {
  Tensor on_spiral = spiral(turn_ * noise.uniform("density.turn", like).sqrt(), shrink_);
  return blur(noise, either(noise, like, on_spiral, -on_spiral), deviation_);
}

Tensor TwoSpirals::do_log_prob(const Tensor& x) const {
  return log_mixture(x, nodes_, log_weights_, deviation_);
}

double TwoSpirals::entropy() const {
  return entropy_on_grid(turn_ / shrink_ + 10 * deviation_, deviation_ / 2.5);
}

Rings::Rings(std::vector<double> radii, double deviation)
    : radii_(at::tensor(radii, host_options(at::kDouble))), deviation_(deviation) {}

Tensor Rings::do_sample(Noise& noise, const Tensor& like) const {
  Tensor k = (noise.uniform("density.part", like) * radii_.size(0)).to(at::kLong);
  Tensor radius = radii_.to(like.device()).index_select(0, k);
  Tensor angle = 2 * M_PI * noise.uniform("density.angle", like);
  return blur(noise, at::stack({radius * angle.cos(), radius * angle.sin()}, 1), deviation_);
}

// With I0(a) = exp(a) i0e(a) the exponents join to -(r - R)^2 / (2 s^2), which cannot overflow.
Tensor Rings::do_log_prob(const Tensor& x) const {
  Tensor r = x.norm(2, {1}, true), radii = radii_.to(x.device());
  double variance = deviation_ * deviation_;
  Tensor parts =
      -0.5 * (r - radii).square() / variance + at::special_i0e(r * radii / variance).log();
  return parts.logsumexp(1) - std::log(2 * M_PI * variance * radii_.size(0));
}

double Rings::entropy() const {
  return entropy_on_grid(radii_.max().item<double>() + 10 * deviation_, deviation_ / 5);
}

}  // namespace diffeo
