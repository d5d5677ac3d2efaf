// The mixture of logistics against values of 80 digits: golden/misc's m7_logistic_mixture_*.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "golden/golden.h"
#include "kernels/logistic_mixture.h"

namespace diffeo::golden {
namespace {

// Rows of parameters at points that all rows share. Their log-scales go below the kernel's
// smallest, so everything is measured in eighths: 8 x under means 8 m and log-scales s + log 8 has
// the CDF of x.
class MixtureRows {
 public:
  MixtureRows(const Case& c, at::ScalarType precision)
      : t_(load(c)), c_(c), precision_(precision) {}

  void check_functions() const {
    Tensor points = representable(t_.at("x"));
    auto [logit, log_slope] =
        logistic_mixture(elements(points * kUnit), raw(points.numel()), components());
    Tensor y = rows(logit), slope = rows(log_slope) + std::log(kUnit);
    Tensor log_cdf = at::log_sigmoid(y), log_sf = at::log_sigmoid(-y);
    auto exact = [&](const char* name) { return t_.at(name).index_select(1, places(t_.at("x"))); };
    each("logit_cdf", y, exact("logit_cdf"));
    each("logdet", slope, exact("logdet"));
    each("log_cdf", log_cdf, exact("log_cdf"));
    each("log_sf", log_sf, exact("log_sf"));
    each("log_pdf", slope + log_cdf + log_sf, exact("log_pdf"));
    each("cdf", y.sigmoid(), exact("cdf"));
    each("sf", (-y).sigmoid(), exact("sf"));
    each("pdf", (slope + log_cdf + log_sf).exp(), exact("pdf"));
  }

  void check_inverse(const char* name, const Tensor& logits) const {
    Tensor v = elements(logits), all = raw(logits.numel());
    Tensor x = logistic_mixture_inverse(v, all, components());
    Tensor log_slope = logistic_mixture(x, all, components()).second;
    // Round-off of the logit moves x far where the mixture is flat.
    Tensor slack =
        v.squeeze(1).abs().clamp_min(1) * (-log_slope).exp() * (4 * last_place() / kUnit);
    each(name, rows(x) / kUnit, t_.at(name), rows(slack));
  }

  void check() const {
    check_functions();
    Tensor q = t_.at("q");
    check_inverse("inverse_cdf", q.log() - (-q).log1p());
    check_inverse("inverse_logit_cdf", t_.at("v"));
  }

 private:
  static constexpr double kUnit = 8;

  int64_t components() const { return t_.at("logits").size(1); }
  int64_t count() const { return t_.at("logits").size(0); }
  double last_place() const { return std::ldexp(1.0, precision_ == at::kDouble ? -52 : -23); }

  // The points that this precision holds exactly.
  Tensor places(const Tensor& points) const {
    return (points.to(precision_).to(at::kDouble) == points).nonzero().flatten();
  }
  Tensor representable(const Tensor& points) const {
    return points.index_select(0, places(points));
  }

  // Each point of each row as an example with one element, [rows * points, 1], and back.
  Tensor elements(const Tensor& points) const {
    return points.to(precision_).unsqueeze(0).expand({count(), -1}).reshape({-1, 1});
  }
  Tensor rows(const Tensor& t) const { return t.reshape({count(), -1}).to(at::kDouble); }
  Tensor raw(int64_t points) const {
    Tensor means = t_.at("means") * kUnit, log_scales = t_.at("log_scales") + std::log(kUnit);
    Tensor all =
        at::cat({t_.at("logits").new_zeros({count(), 2}), t_.at("logits"), means, log_scales}, 1);
    return all.to(precision_).unsqueeze(1).expand({-1, points, -1}).reshape({count() * points, -1});
  }

  void each(const char* what, const Tensor& ours, const Tensor& theirs,
            const Tensor& slack = {}) const {
    const nlohmann::json& own =
        c_.entry.at("tolerance").at(precision_ == at::kDouble ? "float64" : "float32");
    Tensor allowed = own.at("atol").get<double>() + own.at("rtol").get<double>() * theirs.abs();
    if (slack.defined()) allowed = allowed + slack;
    Tensor wrong = (ours - theirs).abs() > allowed;
    EXPECT_FALSE(wrong.any().item<bool>()) << what << " at " << wrong.nonzero();
  }

  NamedTensors t_;
  const Case& c_;
  at::ScalarType precision_;
};

class MiscMixture : public GoldenTest {};

TEST_P(MiscMixture, AgreesInFloat64) { MixtureRows(GetParam(), at::kDouble).check(); }

TEST_P(MiscMixture, AgreesInFloat32) { MixtureRows(GetParam(), at::kFloat).check(); }

INSTANTIATE_TEST_SUITE_P(golden, MiscMixture,
                         testing::ValuesIn(cases("misc",
                                                 [](const Case& c) {
                                                   return c.name().starts_with(
                                                       "m7_logistic_mixture");
                                                 })),
                         test_name);

}  // namespace
}  // namespace diffeo::golden
