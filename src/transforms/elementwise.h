#pragma once

#include <optional>

#include "nets/nets.h"
#include "transforms/context.h"
#include "transforms/maps.h"

namespace diffeo {

// An elementwise map whose numbers are parameters: an element's own, the same at all positions of a
// channel. They start near the identity, with noise of deviation 0.1 that makes components differ.
class LearnedMap final : public torch::nn::Module {
 public:
  LearnedMap(const MapConfig& config, const Site& site);
  Mapped forward(const Tensor& x) { return map_->forward(x, raw(x)); }
  Tensor inverse(const Tensor& y) { return map_->inverse(y, raw(y)); }
  Tensor inverse_evaluations(const Tensor& y) const { return map_->inverse_evaluations(y, raw(y)); }
  std::optional<Domain> domain() const { return map_->domain(); }

 private:
  Tensor raw(const Tensor& like) const;

  std::shared_ptr<ElementwiseMap> map_;
  Tensor numbers_;  // [P C, 1, ...]
};

struct ElementwiseConfig {
  using Builds = class Elementwise;
  static constexpr const char* kType = "elementwise";
  static constexpr const char* kDoc =
      "Maps each element by itself, with learned numbers or numbers of a context: marginals.";
  MapConfig map;
  Context context = Context::kNone;
  std::optional<ConditionerConfig> net = {};

  bool samples_by_class() const { return context == Context::kClass; }

  template <class Archive>
  void fields(Archive& ar) {
    ar("map", map, "the elementwise map");
    ar("context", context, "what the network reads; none: the numbers are parameters");
    ar("net", net, "the network that computes the numbers from the context");
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const;
};

// z_i = f(x_i), f with numbers of its own for each element: learned marginals, or, with a network
// that reads the context alone, p(x_i | context), for one dimension too.
class Elementwise final : public Transform {
 public:
  Elementwise(const ElementwiseConfig& config, const Site& site);
  std::optional<OutsideDomain> outside_domain(const Tensor& x) const override;
  Tensor inverse_evaluations(const Tensor& z, const Pass& pass) override;

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor numbers(const Tensor& like, const Pass& pass);  // of the context

  Context context_;
  Shape context_shape_;
  std::shared_ptr<LearnedMap> learned_;  // null: the numbers are a network's
  std::shared_ptr<ElementwiseMap> map_;  // null: they are parameters
  std::shared_ptr<Conditioner> net_;
};

}  // namespace diffeo
