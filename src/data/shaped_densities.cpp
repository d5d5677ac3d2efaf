#include "data/shaped_densities.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/base.h"
#include "core/error.h"
#include "data/host.h"

namespace diffeo {
namespace {

// Uniform over multiples of 2^-20, so that rounding to float32 moves no example into the next
// square.
Tensor lattice_uniform(Noise& noise, const std::string& path, const Tensor& like) {
  return noise.uniform(path, like).mul(1 << 20).floor().div(1 << 20);
}

// Each example turned clockwise by its own angle: [N, 2], [N] -> [N, 2].
Tensor turned_clockwise(const Tensor& x, const Tensor& angle) {
  Tensor x1 = x.select(1, 0), x2 = x.select(1, 1);
  return at::stack({x1 * angle.cos() + x2 * angle.sin(), x2 * angle.cos() - x1 * angle.sin()}, 1);
}

}  // namespace

// Any column, then every other row of it.
Tensor Checkerboard::do_sample(Noise& noise, const Tensor& like) const {
  Tensor column = cells_ * lattice_uniform(noise, "density.first", like);
  Tensor row = cells_ / 2 * lattice_uniform(noise, "density.second", like);
  Tensor shifted = row + row.floor() + column.floor().remainder(2);
  return side_ * (at::stack({column, shifted}, 1) - 0.5 * cells_);
}

Tensor Checkerboard::do_log_prob(const Tensor& x) const {
  Tensor cell = (x / side_ + 0.5 * cells_).floor();
  Tensor inside = ((cell >= 0) & (cell < cells_)).all(1) & (cell.sum(1).remainder(2) == 0);
  return at::where(inside, at::full_like(cell.select(1, 0), -entropy()),
                   -std::numeric_limits<double>::infinity());
}

double Checkerboard::entropy() const { return std::log(side_ * side_ * cells_ * cells_ / 2); }

Tensor Pinwheel::do_sample(Noise& noise, const Tensor& like) const {
  auto [arms, radial, tangential, rate, scale] = parameters_;
  Tensor f1 = 1 + radial * noise.normal("density.first", like),
         f2 = tangential * noise.normal("density.second", like);
  Tensor f = at::stack({f1, f2}, 1);
  Tensor k = (noise.uniform("density.part", like) * arms).floor();
  return scale * turned_clockwise(f, 2 * M_PI / arms * k + rate * f.norm(2, {1}).exp());
}

Tensor Pinwheel::do_log_prob(const Tensor& x) const {
  auto [arms, radial, tangential, rate, scale] = parameters_;
  Tensor straight = turned_clockwise(x / scale, -rate * (x / scale).norm(2, {1}).exp());
  std::vector<Tensor> parts;
  for (int64_t k = 0; k < arms; ++k) {
    Tensor f =
        turned_clockwise(straight, at::full_like(straight.select(1, 0), -2 * M_PI * k / arms));
    Tensor z = at::stack({(f.select(1, 0) - 1) / radial, f.select(1, 1) / tangential}, 1);
    parts.push_back(standard_normal_log_prob(z));
  }
  return at::stack(parts).logsumexp(0) - std::log(arms * radial * tangential * scale * scale);
}

double Pinwheel::entropy() const {
  auto [arms, radial, tangential, rate, scale] = parameters_;
  return entropy_on_grid(scale * (1 + 8 * radial), scale * std::min(radial, tangential) / 5);
}

TwoMoonsEnergy::TwoMoonsEnergy(double radius, double thickness, double width)
    : radius_(radius), thickness_(thickness), width_(width) {
  double spacing = std::min(thickness, width) / 4;
  Tensor line = at::arange(-bound(), bound(), spacing, host_options(at::kDouble));
  log_z_ = energy(at::cartesian_prod({line, line})).neg().logsumexp(0).item<double>() +
           2 * std::log(spacing);
}

double TwoMoonsEnergy::bound() const { return radius_ + 10 * std::max(thickness_, width_); }

Tensor TwoMoonsEnergy::energy(const Tensor& x) const {
  Tensor x1 = x.select(1, 0);
  Tensor right = -0.5 * ((x1 - radius_) / width_).square(),
         left = -0.5 * ((x1 + radius_) / width_).square();
  return 0.5 * ((x.norm(2, {1}) - radius_) / thickness_).square() - at::logaddexp(left, right);
}

Tensor TwoMoonsEnergy::do_log_prob(const Tensor& x) const { return -energy(x) - log_z_; }

double TwoMoonsEnergy::entropy() const {
  return entropy_on_grid(bound(), std::min(thickness_, width_) / 5);
}

// Of each example its own proposals: x1 from one of the Gaussians, x2 uniform; kept with the
// probability that the ring leaves of them.
TwoMoonsEnergy::Proposals TwoMoonsEnergy::propose(Noise& noise, const std::string& path,
                                                  const Tensor& like) const {
  Tensor side = at::where(noise.uniform(path + ".side", like) < 0.5, -radius_, radius_);
  Tensor x1 = side + width_ * noise.normal(path + ".first", like);
  Tensor x2 = (2 * noise.uniform(path + ".second", like) - 1) * (radius_ + 10 * thickness_);
  Tensor x = at::stack({x1, x2}, 2);
  Tensor ring = (-0.5 * ((x.norm(2, {2}) - radius_) / thickness_).square()).exp();
  return {x, noise.uniform(path + ".keep", like) < ring};
}

// The first of an example's proposals that is kept, of which one in five is. A round offers some to
// every example, whether it still waits or not, so that no draw depends on an example's neighbours.
Tensor TwoMoonsEnergy::do_sample(Noise& noise, const Tensor& like) const {
  constexpr int64_t kProposals = 16;
  Tensor places = at::empty({like.size(0), kProposals}, like.options()), x;
  Tensor waits = at::ones({like.size(0)}, like.options().dtype(at::kBool));
  for (int64_t round = 0; round == 0 || waits.any().item<bool>(); ++round) {
    Proposals offered = propose(noise, "density.round" + std::to_string(round), places);
    auto [any, first] = offered.kept.max(1);
    Tensor chosen = offered.x.take_along_dim(first.view({-1, 1, 1}), 1).squeeze(1);
    x = round == 0 ? chosen : at::where(waits.unsqueeze(1), chosen, x);
    waits = waits & ~any;
  }
  return x;
}

}  // namespace diffeo
