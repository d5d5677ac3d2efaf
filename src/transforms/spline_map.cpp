#include "transforms/spline_map.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace diffeo {
namespace {

std::string problem_of_interval(const char* key, const std::optional<std::vector<double>>& ends) {
  if (!ends || (ends->size() == 2 && (*ends)[0] < (*ends)[1])) return {};
  return joined(key, ": expected [low, high] with low < high");
}

std::string problem_of_minimum(const char* key, double minimum, int64_t bins) {
  double least = minimum * static_cast<double>(bins);
  if (least < 1) return {};
  return joined(bins, " bins of ", key, ": ", minimum, " or more fill the box, ", least,
                " of it, and leave nothing to learn; take fewer bins or a smaller minimum");
}

}  // namespace

std::string RationalQuadraticConfig::problem() const {
  if ((from || onto) && ends == SplineEnds::kLinear)
    return "from and onto belong to ends: box and circular; the identity beyond a spline needs a "
           "box [-bound, bound]";
  if (onto && ends == SplineEnds::kCircular) return "onto: a circle goes to itself";
  for (const std::string& problem :
       {problem_of_interval("from", from), problem_of_interval("onto", onto)}) {
    if (!problem.empty()) return problem;
  }
  if (form != SplineForm::kNflows) return {};
  std::string problem = problem_of_minimum("minimum_width", minimum_width, bins);
  return problem.empty() ? problem_of_minimum("minimum_height", minimum_height, bins) : problem;
}

std::optional<Domain> RationalQuadraticConfig::domain() const {
  if (ends == SplineEnds::kLinear) return {};
  std::vector<double> box = from.value_or(std::vector{-bound, bound});
  return Domain{box[0], box[1]};
}

RationalQuadratic::RationalQuadratic(const RationalQuadraticConfig& config, const Site&,
                                     MapRole role) {
  std::string problem = config.problem();
  require(problem.empty(), problem);
  std::vector<double> from = config.from.value_or(std::vector{-config.bound, config.bound});
  std::vector<double> onto = config.onto.value_or(from);
  bool divides = config.form == SplineForm::kNflows && role.hidden > 0;
  spline_ = {.bins = config.bins,
             .form = config.form,
             .ends = config.ends,
             .left = from[0],
             .right = from[1],
             .bottom = onto[0],
             .top = onto[1],
             .minimum_width = config.minimum_width,
             .minimum_height = config.minimum_height,
             .minimum_slope = config.minimum_slope,
             .divisor = divides ? std::sqrt(static_cast<double>(role.hidden)) : 1};
}

int64_t RationalQuadratic::parameter_count() const {
  return spline_.numbers() + (circular() ? 1 : 0);
}

std::optional<Domain> RationalQuadratic::domain() const {
  if (spline_.ends == SplineEnds::kLinear) return {};
  return Domain{spline_.left, spline_.right};
}

// Slopes of 1, where softplus starts at log 2.
Tensor RationalQuadratic::near_identity(const Site& site) const {
  double d =
      spline_.form == SplineForm::kZuko ? 0 : std::log(std::expm1(1 - spline_.minimum_slope));
  Tensor numbers = site.constant({parameter_count()}, 0);
  numbers.narrow(0, 2 * spline_.bins, spline_.slopes()).fill_(d);
  return numbers;
}

RationalQuadratic::Turned RationalQuadratic::turned(const Tensor& x, const Tensor& raw) const {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.insert(sizes.begin() + 2, parameter_count());
  Tensor numbers = raw.reshape(sizes);
  return {numbers.narrow(2, 0, spline_.numbers()).flatten(1, 2),
          numbers.select(2, spline_.numbers())};
}

Tensor RationalQuadratic::wrapped(const Tensor& angle) const {
  double turn = spline_.right - spline_.left;
  return angle - turn * ((angle - spline_.left) / turn).floor();
}

Mapped RationalQuadratic::forward(const Tensor& x, const Tensor& raw) {
  if (spline_.ends == SplineEnds::kLinear) {
    auto [y, log_det] = rational_quadratic(x, raw, spline_);
    return {y, log_det};
  }
  Tensor inside = x.clamp(spline_.left, spline_.right);
  Tensor lies_outside = (inside != x).flatten(1).any(1);
  Turned t = circular() ? turned(x, raw) : Turned{raw, {}};
  auto [y, log_det] = rational_quadratic(inside, t.raw, spline_);
  return {circular() ? wrapped(y + t.shift) : y,
          log_det.masked_fill(lies_outside, -std::numeric_limits<double>::infinity())};
}

Tensor RationalQuadratic::inverse(const Tensor& y, const Tensor& raw) {
  if (spline_.ends == SplineEnds::kLinear) return rational_quadratic_inverse(y, raw, spline_);
  if (spline_.ends == SplineEnds::kBox)
    return rational_quadratic_inverse(y.clamp(spline_.bottom, spline_.top), raw, spline_);
  Turned t = turned(y, raw);
  return rational_quadratic_inverse(wrapped(y - t.shift), t.raw, spline_);
}

}  // namespace diffeo
