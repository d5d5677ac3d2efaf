#include "transforms/maps.h"

#include "kernels/gaussian_mixture.h"
#include "kernels/logistic_mixture.h"

namespace diffeo {
namespace {

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

class GaussianMixture final : public ElementwiseMap {
 public:
  explicit GaussianMixture(int64_t components) : components_(components) {}
  int64_t parameter_count() const override { return 3 * components_; }
  Mapped forward(const Tensor& x, const Tensor& raw) override {
    auto [y, log_det] = gaussian_mixture(x, raw, components_);
    return {y, log_det};
  }
  Tensor inverse(const Tensor& y, const Tensor& raw) override {
    return gaussian_mixture_inverse(y, raw, components_);
  }

 private:
  int64_t components_;
};

std::shared_ptr<ElementwiseMap> build(const GaussianMixtureConfig& config, const Site&, MapRole) {
  return std::make_shared<GaussianMixture>(config.components);
}

std::shared_ptr<ElementwiseMap> build(const AffineConfig& config, const Site& site, MapRole role) {
  return make_affine(config, site, role);
}

std::shared_ptr<ElementwiseMap> build(const LogisticMixtureConfig& config, const Site&, MapRole) {
  return std::make_shared<LogisticMixture>(config.components);
}

std::shared_ptr<ElementwiseMap> build(const RationalQuadraticConfig& config, const Site& site,
                                      MapRole role) {
  return std::make_shared<RationalQuadratic>(config, site, role);
}

}  // namespace

Mapped ElementwiseMap::forward_within(const Tensor& x, const Partition& partition,
                                      const Tensor& raw) {
  auto [kept, changed] = partition.split(x);
  Mapped out = forward(changed, raw);
  out.value = partition.merge(kept, out.value);
  return out;
}

std::vector<int64_t> rows_of(const ElementwiseMap& map, const std::vector<int64_t>& chosen,
                             int64_t elements) {
  std::vector<int64_t> rows;
  int64_t each = map.parameter_count();
  if (map.layout() == NumberLayout::kTogether) {
    for (int64_t element : chosen)
      for (int64_t number = 0; number < each; ++number) rows.push_back(element * each + number);
  } else {
    for (int64_t number = 0; number < each; ++number)
      for (int64_t element : chosen) rows.push_back(number * elements + element);
  }
  return rows;
}

std::shared_ptr<ElementwiseMap> make_map(const MapConfig& config, const Site& site, MapRole role) {
  return std::visit([&](const auto& c) { return build(c, site, role); }, config);
}

}  // namespace diffeo
