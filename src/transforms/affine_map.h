#pragma once

#include "core/enums.h"
#include "core/range.h"
#include "transforms/elementwise_map.h"

namespace diffeo {

// y = (x + shift) scale, with shift and scale read from raw according to the form:
//   realnvp   halves: shift, then r; scale = exp(g tanh(r) [+ h]), g and h learned scalars; h only
//             in couplings without batch norm; g starts at 0 in masked couplings, at 1 in others
//             (laurent-dinh/models, real_nvp)
//   glow      interleaved: shift = raw[:, 0::2], scale = sigmoid(raw[:, 1::2] + 2) (openai/glow)
//   glow_inverse  as glow, scale = 1 / sigmoid(raw[:, 1::2] + 2) (normflows, sigmoid_inv)
//   exp       halves: shift, then log scale
//   maf       halves: mean = -shift, then twice the log scale (gpapamak/maf)
//   additive  shift = raw, scale = 1 (Dinh et al. 2014)
// or y = x scale + shift:
//   flowpp    pairs, an element's own together: r, then shift; scale = exp(tanh(r))
//             (flowpp, the affine ablation)
//   nflows    halves: shift, then r; scale = sigmoid(r + 2) + 1e-3 (nflows' couplings)
//   softplus  pairs: r, then shift; scale = softplus(r) + 1e-3 (nflows' masked autoregressive)
//   zuko      pairs: shift, then r; scale = exp(r / (1 + |r / log 1e-3|))
// or, a gate between x and a mean:
//   iaf       halves: m, then r; y = g x + (1 - g) m, g = sigmoid(r + 1.5) (Kingma et al. 2016)
enum class AffineForm {
  kRealNvp,
  kGlow,
  kGlowInverse,
  kExp,
  kMaf,
  kAdditive,
  kFlowpp,
  kNflows,
  kSoftplus,
  kZuko,
  kIaf,
};
template <>
struct EnumNames<AffineForm> {
  static constexpr std::array names{std::pair{"realnvp", AffineForm::kRealNvp},
                                    std::pair{"glow", AffineForm::kGlow},
                                    std::pair{"glow_inverse", AffineForm::kGlowInverse},
                                    std::pair{"exp", AffineForm::kExp},
                                    std::pair{"maf", AffineForm::kMaf},
                                    std::pair{"additive", AffineForm::kAdditive},
                                    std::pair{"flowpp", AffineForm::kFlowpp},
                                    std::pair{"nflows", AffineForm::kNflows},
                                    std::pair{"softplus", AffineForm::kSoftplus},
                                    std::pair{"zuko", AffineForm::kZuko},
                                    std::pair{"iaf", AffineForm::kIaf}};
};

struct AffineConfig {
  static constexpr const char* kType = "affine";
  static constexpr const char* kDoc =
      "y = (x + shift) scale, or x scale + shift, as the form says.";
  AffineForm form = AffineForm::kGlow;

  template <class Archive>
  void fields(Archive& ar) {
    ar("form", form, "formula of the scale and layout of the network's output");
  }
};

std::shared_ptr<ElementwiseMap> make_affine(const AffineConfig& config, const Site& site,
                                            MapRole role);

}  // namespace diffeo
