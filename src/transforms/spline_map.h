#pragma once

#include <optional>
#include <vector>

#include "core/enums.h"
#include "core/range.h"
#include "kernels/spline.h"
#include "transforms/elementwise_map.h"

namespace diffeo {

template <>
struct EnumNames<SplineForm> {
  static constexpr std::array names{std::pair{"nflows", SplineForm::kNflows},
                                    std::pair{"zuko", SplineForm::kZuko}};
};

template <>
struct EnumNames<SplineEnds> {
  static constexpr std::array names{std::pair{"linear", SplineEnds::kLinear},
                                    std::pair{"box", SplineEnds::kBox},
                                    std::pair{"circular", SplineEnds::kCircular}};
};

struct RationalQuadraticConfig {
  using Builds = class RationalQuadratic;
  static constexpr const char* kType = "rational_quadratic";
  static constexpr const char* kDoc =
      "A monotone rational-quadratic spline; on the line, in a box, or on a circle.";
  int64_t bins = 8;
  double bound = 5;
  SplineEnds ends = SplineEnds::kLinear;
  std::optional<std::vector<double>> from = {};
  std::optional<std::vector<double>> onto = {};
  SplineForm form = SplineForm::kNflows;
  double minimum_width = 1e-3;
  double minimum_height = 1e-3;
  double minimum_slope = 1e-3;

  template <class Archive>
  void fields(Archive& ar) {
    ar("bins", bins, "bins between knots", between(1, 1024));
    ar("bound", bound, "the knots lie in [-bound, bound]", above(0));
    ar("ends", ends,
       "linear: the identity beyond the bound; box: nothing lies beyond; circular: an angle, whose "
       "two ends are one point, and which a last number turns");
    ar("from", from, "[left, right] of a box or circle, instead of the bound");
    ar("onto", onto, "[bottom, top] that a box goes to; by default where it comes from");
    ar("form", form,
       "nflows: bins and slopes have a minimum, and couplings divide widths and heights by the "
       "root "
       "of their network's width; zuko: soft-clipped numbers, the identity where they are zero");
    ar("minimum_width", minimum_width, "of a bin, as a share of the box (nflows)", between(0, 1));
    ar("minimum_height", minimum_height, "of a bin, as a share of the box (nflows)", between(0, 1));
    ar("minimum_slope", minimum_slope, "at a knot (nflows)", between(0, 1));
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const;

  // The elements that the spline maps; everything, where there is none.
  std::optional<Domain> domain() const;
};

// kernels/spline.h with its numbers from a network. A circle's last number is a shift: what the
// spline returns is turned by it (Rezende et al. 2020, section 2). Elements outside a box, or that
// are no angle of the circle, have no image: such an example has log_det -infinity.
class RationalQuadratic final : public ElementwiseMap {
 public:
  RationalQuadratic(const RationalQuadraticConfig& config, const Site& site, MapRole role);
  int64_t parameter_count() const override;
  Mapped forward(const Tensor& x, const Tensor& raw) override;
  Tensor inverse(const Tensor& y, const Tensor& raw) override;
  std::optional<Domain> domain() const override;
  Tensor near_identity(const Site& site) const override;

 private:
  // A circle's numbers apart: the spline's, and the shift shaped as x.
  struct Turned {
    Tensor raw, shift;
  };
  Turned turned(const Tensor& x, const Tensor& raw) const;
  Tensor wrapped(const Tensor& angle) const;

  bool circular() const { return spline_.ends == SplineEnds::kCircular; }

  Spline spline_;
};

}  // namespace diffeo
