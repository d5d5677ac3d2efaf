#pragma once

#include "core/enums.h"

namespace diffeo {

// The 2-D densities; density.h builds them and their files give the formulas.
enum class DensityKind {
  kTutorial,
  kGaussian,
  kTwoMoons,
  kTwoMoonsEnergy,
  k8Gaussians,
  kCheckerboard,
  kRings,
  kPinwheel,
  kTwoSpirals,
  kFunnel,
};
template <>
struct EnumNames<DensityKind> {
  using enum DensityKind;
  static constexpr std::array names{
      std::pair{"tutorial", kTutorial},
      std::pair{"gaussian", kGaussian},
      std::pair{"two_moons", kTwoMoons},
      std::pair{"two_moons_energy", kTwoMoonsEnergy},
      std::pair{"8_gaussians", k8Gaussians},
      std::pair{"checkerboard", kCheckerboard},
      std::pair{"rings", kRings},
      std::pair{"pinwheel", kPinwheel},
      std::pair{"two_spirals", kTwoSpirals},
      std::pair{"funnel", kFunnel},
  };
};

}  // namespace diffeo
