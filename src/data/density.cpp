#include "data/density.h"

#include <ATen/ATen.h>

#include "data/curve_densities.h"
#include "data/gaussian_densities.h"
#include "data/host.h"
#include "data/shaped_densities.h"

namespace diffeo {

Tensor Density::sample(int64_t count, Noise& noise, const at::TensorOptions& options) const {
  return do_sample(noise, at::empty({count}, options.dtype(at::kDouble))).to(options);
}

// In slices, because a mixture of many parts needs memory for each part of each example.
Tensor Density::log_prob(const Tensor& x) const {
  constexpr int64_t kSlice = 1024;
  std::vector<Tensor> parts;
  for (const Tensor& slice : x.to(at::kDouble).split(kSlice)) parts.push_back(do_log_prob(slice));
  return at::cat(parts);
}

double Density::entropy_on_grid(double bound, double spacing) const {
  Tensor line = at::arange(-bound, bound + spacing / 2, spacing, host_options(at::kDouble));
  Tensor log_p = log_prob(at::cartesian_prod({line, line}));
  return -(log_p.exp() * log_p).sum().item<double>() * spacing * spacing;
}

std::unique_ptr<Density> make_density(DensityKind kind) {
  switch (kind) {
    case DensityKind::kTutorial: return std::make_unique<Tutorial>();
    case DensityKind::kGaussian: return std::make_unique<CorrelatedGaussian>();
    case DensityKind::kTwoMoons: return std::make_unique<TwoMoons>();
    case DensityKind::kTwoMoonsEnergy: return std::make_unique<TwoMoonsEnergy>();
    case DensityKind::k8Gaussians: return std::make_unique<GaussianCircle>();
    case DensityKind::kCheckerboard: return std::make_unique<Checkerboard>();
    case DensityKind::kRings: return std::make_unique<Rings>();
    case DensityKind::kPinwheel: return std::make_unique<Pinwheel>();
    case DensityKind::kTwoSpirals: return std::make_unique<TwoSpirals>();
    case DensityKind::kFunnel: return std::make_unique<Funnel>();
  }
  fail("a density without a class: ", static_cast<int>(kind));
}

}  // namespace diffeo
