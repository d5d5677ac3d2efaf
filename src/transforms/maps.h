#pragma once

#include <variant>

#include "transforms/affine_map.h"
#include "transforms/spline_map.h"

namespace diffeo {

struct LogisticMixtureConfig {
  static constexpr const char* kType = "logistic_mixture";
  static constexpr const char* kDoc =
      "Flow++'s map: the logit of a logistic mixture's CDF, then an affine map.";
  int64_t components = 32;

  template <class Archive>
  void fields(Archive& ar) {
    ar("components", components, "logistics in each element's mixture", between(1, 1024));
  }
};

struct GaussianMixtureConfig {
  static constexpr const char* kType = "gaussian_mixture";
  static constexpr const char* kDoc =
      "A mixture of Gaussians: its CDF, then the normal quantile (MAF MoG with a normal base).";
  int64_t components = 10;

  template <class Archive>
  void fields(Archive& ar) {
    ar("components", components, "Gaussians in each element's mixture", between(1, 1024));
  }
};

// Every elementwise map a configuration can name.
using MapConfig = std::variant<AffineConfig, GaussianMixtureConfig, LogisticMixtureConfig,
                               RationalQuadraticConfig>;

std::shared_ptr<ElementwiseMap> make_map(const MapConfig& config, const Site& site,
                                         MapRole role = {});

}  // namespace diffeo
