// Each density's three statements about itself (samples, log p, entropy) agree, without any
// recorded number.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/density.h"
#include "data/mixture.h"

namespace diffeo {
namespace {

constexpr int64_t kDraws = 20000;

struct Drawn {
  std::unique_ptr<Density> density;
  Tensor log_p;
};

Drawn drawn(DensityKind kind) {
  SeededNoise noise(11);
  std::unique_ptr<Density> density = make_density(kind);
  Tensor log_p = density->log_prob(density->sample(kDraws, noise, at::kFloat));
  return {std::move(density), log_p};
}

TEST(Density, MeanOfLogPIsMinusTheEntropy) {
  for (auto [name, kind] : EnumNames<DensityKind>::names) {
    Drawn it = drawn(kind);
    EXPECT_TRUE(it.log_p.isfinite().all().item<bool>()) << name;
    double standard_error = it.log_p.std().item<double>() / std::sqrt(kDraws);
    EXPECT_NEAR(-it.log_p.mean().item<double>(), it.density->entropy(), 4 * standard_error + 1e-12)
        << name;
  }
}

// The share of the samples in each unit square against the integral of p over it.
TEST(Density, SamplesHaveTheProbabilitiesThatLogPGives) {
  Tensor line = at::arange(-3.975, 4, 0.05, at::kDouble), grid = at::cartesian_prod({line, line});
  for (auto [name, kind] : EnumNames<DensityKind>::names) {
    SeededNoise noise(11);
    std::unique_ptr<Density> density = make_density(kind);
    Tensor p = density->log_prob(grid).exp().view({8, 20, 8, 20}).sum({1, 3}) * 0.05 * 0.05;
    Tensor x = density->sample(kDraws, noise, at::kDouble);
    Tensor inside = x.index({(x.abs() < 4).all(1)}), square = (inside + 4).floor().to(at::kLong);
    Tensor counts = (8 * square.select(1, 0) + square.select(1, 1)).bincount({}, 64).view({8, 8});
    Tensor error = counts / static_cast<double>(kDraws) - p,
           allowed = 4.5 * (p / kDraws).sqrt() + 2e-4;
    EXPECT_TRUE((error.abs() < allowed).all().item<bool>()) << name << error;
  }
}

TEST(Density, SamplesFollowFromTheNoiseAlone) {
  for (auto [name, kind] : EnumNames<DensityKind>::names) {
    SeededNoise one(3), again(3), other(4);
    std::unique_ptr<Density> density = make_density(kind);
    Tensor x = density->sample(50, one, at::kDouble);
    EXPECT_TRUE(at::equal(density->sample(50, again, at::kDouble), x)) << name;
    EXPECT_FALSE(at::equal(density->sample(50, other, at::kDouble), x)) << name;
  }
}

TEST(Density, OfTheCheckerboardIsMinusInfinityOnOtherSquares) {
  Tensor x =
      at::tensor({-3., -3., -3., -1., 3.9, 3.9, 4.1, 4.1, -5., -3.}, at::kDouble).view({5, 2});
  Tensor log_p = make_density(DensityKind::kCheckerboard)->log_prob(x);
  double infinity = std::numeric_limits<double>::infinity(), inside = -std::log(32.);
  EXPECT_TRUE(
      at::equal(log_p, at::tensor({inside, -infinity, inside, -infinity, -infinity}, at::kDouble)));
}

TEST(Density, StaysExactFarAway) {
  Tensor far = at::tensor({1e3, -1e3}, at::kDouble).view({1, 2});
  for (auto [name, kind] : EnumNames<DensityKind>::names) {
    if (kind == DensityKind::kCheckerboard || kind == DensityKind::kFunnel) continue;
    double log_p = make_density(kind)->log_prob(far).item<double>();
    EXPECT_TRUE(std::isfinite(log_p) && log_p < -1e4) << name << " " << log_p;
  }
}

TEST(GaussLegendre, IsExactForPolynomialsOfDegreeTwiceTheCountLessOne) {
  auto [x, weights] = gauss_legendre(5, -1, 3);
  EXPECT_NEAR((weights * x.pow(9)).sum().item<double>(), (std::pow(3., 10) - 1) / 10, 1e-9);
  EXPECT_GT(std::abs((weights * x.pow(10)).sum().item<double>() - (std::pow(3., 11) + 1) / 11), 1);
  auto [many, many_weights] = gauss_legendre(700, 0, M_PI);
  EXPECT_NEAR((many_weights * many.sin()).sum().item<double>(), 2, 1e-13);
}

}  // namespace
}  // namespace diffeo
