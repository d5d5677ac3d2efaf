#include "transforms/affine_map.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "kernels/affine_coupling.h"
#include "transforms/matrix_parts.h"

namespace diffeo {
namespace {

class Additive final : public ElementwiseMap {
 public:
  int64_t parameter_count() const override { return 1; }
  bool inverts_to_rounding() const override { return true; }
  Mapped forward(const Tensor& x, const Tensor& raw) override { return {x + raw}; }
  Tensor inverse(const Tensor& y, const Tensor& raw) override { return y - raw; }
};

struct ShiftScale {
  Tensor shift, log_scale;  // each shaped as x
};

// Which of an element's two numbers comes first, and whether the shift is added first.
enum class Second { kScale, kShift };
enum class First { kAdds, kScales };

// What the forms without parameters of their own differ in.
struct AffineRule {
  NumberLayout layout;
  Second second;
  First first;
  ShiftScale (*read)(const Tensor& shift, const Tensor& r);
};

ShiftScale read_glow(const Tensor& shift, const Tensor& r) {
  return {shift, at::log_sigmoid(r + 2)};
}

ShiftScale read_glow_inverse(const Tensor& shift, const Tensor& r) {
  return {shift, -at::log_sigmoid(r + 2)};
}

ShiftScale read_exp(const Tensor& shift, const Tensor& r) { return {shift, r}; }

ShiftScale read_maf(const Tensor& mean, const Tensor& r) { return {-mean, r / 2}; }

ShiftScale read_flowpp(const Tensor& shift, const Tensor& r) { return {shift, r.tanh()}; }

ShiftScale read_nflows(const Tensor& shift, const Tensor& r) {
  return {shift, ((r + 2).sigmoid() + 1e-3).log()};
}

ShiftScale read_softplus(const Tensor& shift, const Tensor& r) {
  return {shift, scale_of(r).log()};
}

ShiftScale read_zuko(const Tensor& shift, const Tensor& r) {
  return {shift, r / (1 + (r / std::log(1e-3)).abs())};
}

ShiftScale read_iaf(const Tensor& mean, const Tensor& r) {
  Tensor s = r + 1.5;
  return {mean * (-s).sigmoid(), at::log_sigmoid(s)};
}

AffineRule rule_of(AffineForm form) {
  using enum NumberLayout;
  switch (form) {
    case AffineForm::kGlow: return {kTogether, Second::kScale, First::kAdds, read_glow};
    case AffineForm::kGlowInverse:
      return {kTogether, Second::kScale, First::kAdds, read_glow_inverse};
    case AffineForm::kRealNvp:  // its scalars are applied before this
    case AffineForm::kExp: return {kApart, Second::kScale, First::kAdds, read_exp};
    case AffineForm::kMaf: return {kApart, Second::kScale, First::kAdds, read_maf};
    case AffineForm::kFlowpp: return {kTogether, Second::kShift, First::kScales, read_flowpp};
    case AffineForm::kNflows: return {kApart, Second::kScale, First::kScales, read_nflows};
    case AffineForm::kSoftplus: return {kTogether, Second::kShift, First::kScales, read_softplus};
    case AffineForm::kZuko: return {kTogether, Second::kScale, First::kScales, read_zuko};
    case AffineForm::kIaf: return {kApart, Second::kScale, First::kScales, read_iaf};
    case AffineForm::kAdditive: break;
  }
  fail("affine: unknown form");
}

class Affine : public ElementwiseMap {
 public:
  explicit Affine(AffineForm form) : form_(form), rule_(rule_of(form)) {}
  int64_t parameter_count() const override { return 2; }
  bool inverts_to_rounding() const override { return true; }
  NumberLayout layout() const override { return rule_.layout; }

  Mapped forward(const Tensor& x, const Tensor& raw) override {
    auto [shift, log_scale] = read(raw);
    Tensor scale = log_scale.exp();
    return {rule_.first == First::kAdds ? (x + shift) * scale : x * scale + shift,
            sum_events(log_scale)};
  }

  Tensor inverse(const Tensor& y, const Tensor& raw) override {
    auto [shift, log_scale] = read(raw);
    Tensor scale = (-log_scale).exp();
    return rule_.first == First::kAdds ? y * scale - shift : (y - shift) * scale;
  }

  // A channel split is one operation, without slices or copies of the halves.
  Mapped forward_within(const Tensor& x, const Partition& partition, const Tensor& raw) override {
    std::optional<CouplingForm> form = kernel_form();
    if (!form || partition.kind != Split::kChannel)
      return ElementwiseMap::forward_within(x, partition, raw);
    form->keeps_first = partition.keep == Keep::kFirst;
    auto [y, log_det] = affine_coupling(x, raw, *form);
    return {y, log_det};
  }

 private:
  virtual Tensor scaled(const Tensor& r) const { return r; }

  // read() for a kernel, where there is one of this form.
  virtual std::optional<CouplingForm> kernel_form() const {
    if (form_ == AffineForm::kGlow) return CouplingForm{.scale = ScaleForm::kGlow};
    if (form_ == AffineForm::kExp) return CouplingForm{.scale = ScaleForm::kExp};
    return {};
  }

  ShiftScale read(const Tensor& raw) const {
    bool together = rule_.layout == NumberLayout::kTogether;
    int64_t half = raw.size(1) / 2;
    Tensor one = together ? raw.slice(1, 0, std::nullopt, 2) : raw.narrow(1, 0, half);
    Tensor other = together ? raw.slice(1, 1, std::nullopt, 2) : raw.narrow(1, half, half);
    return rule_.second == Second::kScale ? rule_.read(one, scaled(other))
                                          : rule_.read(other, scaled(one));
  }

  AffineForm form_;
  AffineRule rule_;
};

class RealNvpAffine final : public Affine {
 public:
  RealNvpAffine(const Site& site, MapRole role) : Affine(AffineForm::kRealNvp) {
    scale_ = register_parameter("scale", site.constant({}, role.masked ? 0 : 1));
    if (!role.batch_norm) scale_shift_ = register_parameter("scale_shift", site.constant({}, 0));
  }

 private:
  Tensor scaled(const Tensor& r) const override {
    Tensor log_scale = scale_ * r.tanh();
    return scale_shift_.defined() ? log_scale + scale_shift_ : log_scale;
  }
  std::optional<CouplingForm> kernel_form() const override {
    return CouplingForm{.scale = ScaleForm::kRealNvp, .gain = scale_, .offset = scale_shift_};
  }

  Tensor scale_, scale_shift_;  // scalars
};

}  // namespace

std::shared_ptr<ElementwiseMap> make_affine(const AffineConfig& config, const Site& site,
                                            MapRole role) {
  if (config.form == AffineForm::kAdditive) return std::make_shared<Additive>();
  if (config.form == AffineForm::kRealNvp) return std::make_shared<RealNvpAffine>(site, role);
  return std::make_shared<Affine>(config.form);
}

}  // namespace diffeo
