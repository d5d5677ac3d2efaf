#pragma once

#include "core/range.h"
#include "transforms/transform.h"

namespace diffeo {

// The transforms that change each element by itself, with few or no parameters.

struct LogitConfig {
  using Builds = class Logit;
  static constexpr const char* kType = "logit";
  static constexpr const char* kDoc =
      "Maps [0, 1] to the whole line: logit(alpha + (1 - 2 alpha) x).";
  double alpha = 0.05;

  template <class Archive>
  void fields(Archive& ar) {
    ar("alpha", alpha, "how far the ends are moved inwards first", between(0, 0.49));
  }
};

// logit(alpha + (1 - 2 alpha) x) (laurent-dinh/models, real_nvp; the paper's text has another
// factor). What it maps is the interval where the logit's argument lies in (0, 1): wider than [0,
// 1] by alpha / (1 - 2 alpha) at each end. An example with a number outside has log_det -infinity,
// since no z leads there, and a finite value. At alpha 0 the ends of [0, 1], which rounding can
// reach, keep finite values too.
class Logit final : public Transform {
 public:
  Logit(const LogitConfig& config, const Site& site);
  std::optional<OutsideDomain> outside_domain(const Tensor& x) const override;

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor inside(const Tensor& x) const;  // x, its numbers outside moved to the nearest end

  double alpha_;
};

struct SigmoidConfig {
  using Builds = class Sigmoid;
  static constexpr const char* kType = "sigmoid";
  static constexpr const char* kDoc = "Maps the whole line to (0, 1).";
};

// 1 / (1 + exp(-x)).
class Sigmoid final : public Transform {
 public:
  Sigmoid(const SigmoidConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
};

struct ScaleConfig {
  using Builds = class Scale;
  static constexpr const char* kType = "scale";
  static constexpr const char* kDoc = "A fixed affine map: factor x + shift.";
  double factor = 1;
  double shift = 0;

  template <class Archive>
  void fields(Archive& ar) {
    ar("factor", factor, "multiplies each element; not 0");
    ar("shift", shift, "is added afterwards");
  }
};

// factor x + shift, both constants.
class Scale final : public Transform {
 public:
  Scale(const ScaleConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  double factor_, shift_;
};

struct DiagonalConfig {
  using Builds = class Diagonal;
  static constexpr const char* kType = "diagonal";
  static constexpr const char* kDoc =
      "NICE's final scaling: exp(log_scale) x, a scale for each element.";
};

// exp(log_scale) x, one log_scale for each element, started at 0 (Dinh, Krueger, Bengio 2014,
// section 3.3).
class Diagonal final : public Transform {
 public:
  Diagonal(const DiagonalConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  Tensor log_scale_;  // of one example's shape
};

struct PReluConfig {
  using Builds = class PRelu;
  static constexpr const char* kType = "prelu";
  static constexpr const char* kDoc =
      "The tutorial's nonlinearity: negative elements scaled by one learned slope.";
};

// Published from noise to data (E. Jang, Normalizing Flows Tutorial, part 1), and so here: the
// inverse is x = z where z >= 0 and alpha z elsewhere, alpha = |a| + 0.01, with one a for the
// layer; the forward solves it.
class PRelu final : public Transform {
 public:
  PRelu(const PReluConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor slope() const;  // alpha

  Tensor a_;  // scalar
};

}  // namespace diffeo
