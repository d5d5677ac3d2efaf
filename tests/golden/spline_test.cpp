// Rational-quadratic splines against nflows and zuko, and against values of 60 digits:
// golden/misc's m1_* and m4_zuko_rqs.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "golden/golden.h"
#include "kernels/spline.h"
#include "kernels/spline_aten.h"

namespace diffeo::golden {
namespace {

bool is_spline(const Case& c) {
  return c.name().starts_with("m1_") || c.name().starts_with("m4_zuko_rqs");
}

Spline spline_of(const Case& c, const NamedTensors& t) {
  const nlohmann::json& h = c.hyper();
  if (c.name().starts_with("m4_"))
    return {.bins = t.at("unconstrained_widths").size(1),
            .form = SplineForm::kZuko,
            .left = -h.at("bound").get<double>(),
            .right = h.at("bound"),
            .bottom = -h.at("bound").get<double>(),
            .top = h.at("bound")};
  return {.bins = h.at("K"),
          .ends = h.at("tails") ? SplineEnds::kLinear : SplineEnds::kBox,
          .left = h.at("left"),
          .right = h.at("right"),
          .bottom = h.at("bottom"),
          .top = h.at("top"),
          .minimum_width = h.at("min_bin_width"),
          .minimum_height = h.at("min_bin_height"),
          .minimum_slope = h.at("min_derivative")};
}

// Rows of numbers, each at the points of its row: an example for each point.
class SplineRows {
 public:
  SplineRows(const Case& c, at::ScalarType precision)
      : c_(c), t_(load(c)), spline_(spline_of(c, t_)), precision_(precision) {
    const std::string prefix = c.name().starts_with("m4_") ? "unconstrained" : "unnormalized";
    raw_ = at::cat(
        {t_.at(prefix + "_widths"), t_.at(prefix + "_heights"), t_.at(prefix + "_derivatives")}, 1);
    count_ = t_.at("x").size(1);
  }

  void check() const {
    check_knots();
    check_forward("x", "y", "logabsdet");
    if (t_.contains("x_back")) check_inverse("y", "x_back", "inverse_logabsdet");
    if (!t_.contains("y_exact")) return;
    check_forward("x", "y_exact", "logabsdet_exact");
    check_inverse("y_for_inverse", "x_back_exact", "inverse_logabsdet_exact");
    check_ends();
  }

 private:
  struct Value {
    Tensor y, log_det;  // [rows, points], float64
  };

  // In the precision of the test, or in double precision of what that precision holds of the
  // inputs.
  Tensor rounded(const Tensor& t) const { return t.to(precision_).to(at::kDouble); }
  Tensor elements(const Tensor& points, at::ScalarType type) const {
    return points.to(precision_).to(type).reshape({-1, 1});
  }
  Tensor numbers(at::ScalarType type) const {
    return raw_.to(precision_).to(type).repeat_interleave(count_, 0);
  }
  Tensor rows(const Tensor& t) const { return t.reshape({-1, count_}).to(at::kDouble); }

  Value forward(const Tensor& points, at::ScalarType type) const {
    auto [y, log_det] = rational_quadratic(elements(points, type), numbers(type), spline_);
    return {rows(y), rows(log_det)};
  }
  Value inverse(const Tensor& points, at::ScalarType type) const {
    Tensor x = rational_quadratic_inverse(elements(points, type), numbers(type), spline_);
    auto [y, log_det] = rational_quadratic(x, numbers(type), spline_);
    return {rows(x), -rows(log_det)};
  }

  // What the rounding of the inputs to this precision changes, and of the knots, each by a few last
  // places of the box: steep rows are ill-conditioned there.
  Tensor rounding(const Tensor& ours, const Tensor& theirs) const {
    return precision_ == at::kDouble ? at::zeros_like(ours) : (ours - theirs).abs();
  }
  // `value` is told elements [rows * points, 1] in double precision.
  template <class Value>
  Tensor conditioning(const Tensor& points, const Value& value) const {
    double box = std::max(std::abs(spline_.left), std::abs(spline_.right));
    double step = std::ldexp(box, precision_ == at::kDouble ? -50 : -20);
    Tensor elements_64 = rounded(points).reshape({-1, 1}), here = value(elements_64);
    return at::max((value(elements_64 + step) - here).abs(),
                   (value(elements_64 - step) - here).abs());
  }
  Tensor root(const Tensor& y) const {
    return rational_quadratic_inverse(y, numbers(at::kDouble), spline_);
  }
  Tensor log_slope(const Tensor& x) const {
    return rows(rational_quadratic(x, numbers(at::kDouble), spline_).second);
  }

  void each(const std::string& what, const Tensor& ours, const Tensor& theirs,
            const Tensor& slack) const {
    const nlohmann::json& own =
        c_.entry.at("tolerance").at(precision_ == at::kDouble ? "float64" : "float32");
    Tensor allowed = own.at("atol").get<double>() + own.at("rtol").get<double>() * theirs.abs();
    Tensor wrong = (ours - theirs).abs() > allowed + slack;
    EXPECT_FALSE(wrong.any().item<bool>())
        << what << " at " << wrong.nonzero() << ours.masked_select(wrong)
        << theirs.masked_select(wrong);
  }

  void check_knots() const {
    SplineKnots knots = spline_knots(t_.at("x").narrow(1, 0, 1), raw_, spline_);
    Tensor none = at::zeros_like(t_.at("knots_x"));
    auto flat = [&](const Tensor& t) { return t.view(none.sizes()); };
    if (precision_ != at::kDouble) return;
    each("knots_x", flat(knots.x), t_.at("knots_x"), none);
    each("knots_y", flat(knots.y), t_.at("knots_y"), none);
    each("knot_derivatives", flat(knots.slopes), t_.at("knot_derivatives"), none);
  }

  void check_forward(const char* from, const char* to, const char* log_det) const {
    Tensor x = t_.at(from);
    Value ours = forward(x, precision_), exact = forward(x, at::kDouble);
    each(to, ours.y, t_.at(to), rounding(exact.y, t_.at(to)));
    each(log_det, ours.log_det, t_.at(log_det),
         conditioning(x, [&](const Tensor& at) { return log_slope(at); }) +
             rounding(exact.log_det, t_.at(log_det)) + their_error(log_det));
  }

  void check_inverse(const char* from, const char* to, const char* log_det) const {
    Value ours = inverse(t_.at(from), precision_), exact = inverse(t_.at(from), at::kDouble);
    Tensor shaken = conditioning(t_.at(from), [&](const Tensor& y) { return rows(root(y)); });
    each(to, ours.y, t_.at(to), shaken + rounding(exact.y, t_.at(to)) + their_error(to));
    if (!t_.contains(log_det)) return;
    Tensor shaken_slope =
        conditioning(t_.at(from), [&](const Tensor& y) { return log_slope(rounded(root(y))); });
    each(log_det, ours.log_det, t_.at(log_det),
         shaken_slope + rounding(exact.log_det, t_.at(log_det)) + their_error(log_det));
  }

  // How far what nflows computed is from the 60 digits, where these are recorded.
  Tensor their_error(const std::string& name) const {
    bool known = t_.contains(name + "_exact");
    return known ? (t_.at(name) - t_.at(name + "_exact")).abs() : at::zeros_like(t_.at(name));
  }

  // Bit for bit: the ends go to the ends, and what lies beyond tails stays.
  void check_ends() const {
    Tensor ends = at::tensor({spline_.left, spline_.right}, at::kDouble);
    Tensor theirs = at::tensor({spline_.bottom, spline_.top}, at::kDouble);
    Tensor row_numbers = raw_.to(precision_).repeat_interleave(2, 0);
    Tensor x = ends.repeat({raw_.size(0)}).unsqueeze(1).to(precision_);
    Tensor y = theirs.repeat({raw_.size(0)}).unsqueeze(1).to(precision_);
    EXPECT_TRUE(at::equal(rational_quadratic(x, row_numbers, spline_).first, y));
    EXPECT_TRUE(at::equal(rational_quadratic_inverse(y, row_numbers, spline_), x));
    if (spline_.ends != SplineEnds::kLinear) return;
    Tensor beyond = rounded(t_.at("x"));
    Tensor stays = beyond.abs() > spline_.right;
    Value ours = forward(t_.at("x"), precision_);
    EXPECT_TRUE(at::equal(ours.y.masked_select(stays), beyond.masked_select(stays)));
    EXPECT_TRUE((ours.log_det.masked_select(stays) == 0).all().item<bool>());
  }

  const Case& c_;
  NamedTensors t_;
  Spline spline_;
  at::ScalarType precision_;
  Tensor raw_;  // [rows, numbers], float64
  int64_t count_;
};

class MiscSpline : public GoldenTest {};

TEST_P(MiscSpline, AgreesInFloat64) { SplineRows(GetParam(), at::kDouble).check(); }

TEST_P(MiscSpline, AgreesInFloat32) { SplineRows(GetParam(), at::kFloat).check(); }

INSTANTIATE_TEST_SUITE_P(golden, MiscSpline, testing::ValuesIn(cases("misc", is_spline)),
                         test_name);

}  // namespace
}  // namespace diffeo::golden
