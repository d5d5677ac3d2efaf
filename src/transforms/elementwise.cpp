#include "transforms/elementwise.h"

#include <ATen/ATen.h>

#include "kernels/logistic_mixture.h"

namespace diffeo {
namespace {

class Additive final : public ElementwiseMap {
 public:
  int64_t parameter_count() const override { return 1; }
  Mapped forward(const Tensor& x, const Tensor& raw) override { return {x + raw}; }
  Tensor inverse(const Tensor& y, const Tensor& raw) override { return y - raw; }
};

struct ShiftScale {
  Tensor shift, log_scale;  // each shaped as x
};

class Affine : public ElementwiseMap {
 public:
  int64_t parameter_count() const override { return 2; }
  Mapped forward(const Tensor& x, const Tensor& raw) override {
    auto [shift, log_scale] = read(raw);
    return {(x + shift) * log_scale.exp(), sum_events(log_scale)};
  }
  Tensor inverse(const Tensor& y, const Tensor& raw) override {
    auto [shift, log_scale] = read(raw);
    return y * (-log_scale).exp() - shift;
  }

 private:
  virtual ShiftScale read(const Tensor& raw) const = 0;
};

class GlowAffine final : public Affine {
  ShiftScale read(const Tensor& raw) const override {
    return {raw.slice(1, 0, std::nullopt, 2),
            at::log_sigmoid(raw.slice(1, 1, std::nullopt, 2) + 2)};
  }
};

class ExpAffine final : public Affine {
  ShiftScale read(const Tensor& raw) const override {
    std::vector<Tensor> halves = raw.chunk(2, 1);
    return {halves[0], halves[1]};
  }
};

class RealNvpAffine final : public Affine {
 public:
  RealNvpAffine(const Site& site, MapRole role) {
    scale_ = register_parameter("scale", site.constant({}, role.masked ? 0 : 1));
    if (!role.batch_norm) scale_shift_ = register_parameter("scale_shift", site.constant({}, 0));
  }

 private:
  ShiftScale read(const Tensor& raw) const override {
    std::vector<Tensor> halves = raw.chunk(2, 1);
    Tensor log_scale = scale_ * halves[1].tanh();
    return {halves[0], scale_shift_.defined() ? log_scale + scale_shift_ : log_scale};
  }

  Tensor scale_, scale_shift_;  // scalars
};

class FlowppAffine final : public ElementwiseMap {
 public:
  int64_t parameter_count() const override { return 2; }
  Mapped forward(const Tensor& x, const Tensor& raw) override {
    auto [log_scale, shift] = read(raw);
    return {x * log_scale.exp() + shift, sum_events(log_scale)};
  }
  Tensor inverse(const Tensor& y, const Tensor& raw) override {
    auto [log_scale, shift] = read(raw);
    return (y - shift) * (-log_scale).exp();
  }

 private:
  static std::pair<Tensor, Tensor> read(const Tensor& raw) {
    return {raw.slice(1, 0, std::nullopt, 2).tanh(), raw.slice(1, 1, std::nullopt, 2)};
  }
};

class LogisticMixture final : public ElementwiseMap {
 public:
  explicit LogisticMixture(int64_t components) : components_(components) {}
  int64_t parameter_count() const override { return 2 + 3 * components_; }
  Mapped forward(const Tensor& x, const Tensor& raw) override {
    auto [y, log_det] = logistic_mixture(x, raw, components_);
    return {y, log_det};
  }
  Tensor inverse(const Tensor& y, const Tensor& raw) override {
    return logistic_mixture_inverse(y, raw, components_);
  }
  Tensor inverse_evaluations(const Tensor& y, const Tensor& raw) const override {
    return logistic_mixture_evaluations(y, raw, components_);
  }

 private:
  int64_t components_;
};

std::shared_ptr<ElementwiseMap> build(const LogisticMixtureConfig& config, const Site&, MapRole) {
  return std::make_shared<LogisticMixture>(config.components);
}

std::shared_ptr<ElementwiseMap> build(const AffineConfig& config, const Site& site, MapRole role) {
  switch (config.form) {
    case AffineForm::kRealNvp: return std::make_shared<RealNvpAffine>(site, role);
    case AffineForm::kGlow: return std::make_shared<GlowAffine>();
    case AffineForm::kExp: return std::make_shared<ExpAffine>();
    case AffineForm::kAdditive: return std::make_shared<Additive>();
    case AffineForm::kFlowpp: return std::make_shared<FlowppAffine>();
  }
  fail("affine: unknown form");
}

}  // namespace

std::shared_ptr<ElementwiseMap> make_map(const MapConfig& config, const Site& site, MapRole role) {
  return std::visit([&](const auto& c) { return build(c, site, role); }, config);
}

}  // namespace diffeo
