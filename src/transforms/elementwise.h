#pragma once

#include <variant>

#include "core/enums.h"
#include "core/range.h"
#include "transforms/transform.h"

namespace diffeo {

// Invertible scalar function applied to each element of x with P numbers of its own, which it finds
// in the network's raw output as the last convolution wrote it: only the map knows their layout and
// their meaning.
class ElementwiseMap : public torch::nn::Module {
 public:
  virtual int64_t parameter_count() const = 0;  // P
  // x [B, C, H, W] or [B, D]; raw [B, P C, H, W] or [B, P D].
  virtual Mapped forward(const Tensor& x, const Tensor& raw) = 0;
  virtual Tensor inverse(const Tensor& y, const Tensor& raw) = 0;
  // How many evaluations inverse() takes for each element, int64 on the host; undefined where it is
  // a formula.
  virtual Tensor inverse_evaluations(const Tensor&, const Tensor&) const { return {}; }
};

// What a map may need to know of the coupling it stands in.
struct MapRole {
  bool masked = false;      // the network reads the whole example, masked
  bool batch_norm = false;  // the coupling normalises what the map returns
};

// y = (x + shift) scale, with shift and scale read from raw according to the form:
//   realnvp   halves: shift, then r; scale = exp(g tanh(r) [+ h]), g and h learned scalars; h only
//             in couplings without batch norm; g starts at 0 in masked couplings, at 1 in others
//             (laurent-dinh/models, real_nvp)
//   glow      interleaved: shift = raw[:, 0::2], scale = sigmoid(raw[:, 1::2] + 2) (openai/glow)
//   exp       halves: shift, then log scale
//   additive  shift = raw, scale = 1 (Dinh et al. 2014)
// or y = x scale + shift:
//   flowpp    pairs, an element's own together: r, then shift; scale = exp(tanh(r))
//             (flowpp, the affine ablation)
enum class AffineForm { kRealNvp, kGlow, kExp, kAdditive, kFlowpp };
template <>
struct EnumNames<AffineForm> {
  static constexpr std::array names{
      std::pair{"realnvp", AffineForm::kRealNvp}, std::pair{"glow", AffineForm::kGlow},
      std::pair{"exp", AffineForm::kExp}, std::pair{"additive", AffineForm::kAdditive},
      std::pair{"flowpp", AffineForm::kFlowpp}};
};

struct AffineConfig {
  static constexpr const char* kType = "affine";
  static constexpr const char* kDoc =
      "y = (x + shift) scale, or x scale + shift in the form flowpp.";
  AffineForm form = AffineForm::kGlow;

  template <class Archive>
  void fields(Archive& ar) {
    ar("form", form, "formula of the scale and layout of the network's output");
  }
};

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

// Every elementwise map a configuration can name.
using MapConfig = std::variant<AffineConfig, LogisticMixtureConfig>;

std::shared_ptr<ElementwiseMap> make_map(const MapConfig& config, const Site& site,
                                         MapRole role = {});

}  // namespace diffeo
