#include "transforms/elementwise.h"

#include <ATen/ATen.h>

namespace diffeo {

LearnedMap::LearnedMap(const MapConfig& config, const Site& site)
    : map_(register_module("map", make_map(config, site.inside("map", site.input)))) {
  int64_t channels = site.input[0], each = map_->parameter_count();
  Tensor start = map_->near_identity(site);
  bool together = map_->layout() == NumberLayout::kTogether;
  Tensor of_all = together ? start.repeat({channels}) : start.repeat_interleave(channels);
  Shape sizes(site.input.size(), 1);
  sizes[0] = each * channels;
  numbers_ = register_parameter("numbers",
                                (of_all + site.normal("numbers", {sizes[0]}, 0.1)).reshape(sizes));
}

Tensor LearnedMap::raw(const Tensor& like) const {
  std::vector<int64_t> sizes = like.sizes().vec();
  sizes[1] = numbers_.size(0);
  return numbers_.unsqueeze(0).expand(sizes);
}

std::string ElementwiseConfig::problem() const {
  if (net && context == Context::kNone)
    return "net: reads the context, and there is none; give context: features or class, or leave "
           "the net out";
  if (!net && context != Context::kNone)
    return "context: a net must read it, and there is none; give net";
  return {};
}

Elementwise::Elementwise(const ElementwiseConfig& config, const Site& site)
    : Transform(ElementwiseConfig::kType, site, site.input), context_(config.context) {
  if (!config.net) {
    learned_ = register_module(
        "learned", std::make_shared<LearnedMap>(config.map, site.inside("learned", site.input)));
    return;
  }
  context_shape_ = context_shape(context_, site, site.input);
  map_ = register_module("map", make_map(config.map, site.inside("map", site.input)));
  Site net_site = site.inside("net", context_shape_);
  net_site.features.clear();
  net_ = register_module(
      "net", make_conditioner(*config.net, net_site, site.input[0] * map_->parameter_count()));
}

std::optional<OutsideDomain> Elementwise::outside_domain(const Tensor& x) const {
  std::optional<Domain> domain = learned_ ? learned_->domain() : map_->domain();
  return domain ? first_outside(x, *domain) : std::optional<OutsideDomain>();
}

Tensor Elementwise::numbers(const Tensor& like, const Pass& pass) {
  return net_->forward(context_of(context_, pass, like, context_shape_), pass);
}

Mapped Elementwise::do_forward(const Tensor& x, const Pass& pass) {
  return learned_ ? learned_->forward(x) : map_->forward(x, numbers(x, pass));
}

Tensor Elementwise::do_inverse(const Tensor& z, const Pass& pass) {
  return learned_ ? learned_->inverse(z) : map_->inverse(z, numbers(z, pass));
}

Tensor Elementwise::inverse_evaluations(const Tensor& z, const Pass& pass) {
  return learned_ ? learned_->inverse_evaluations(z)
                  : map_->inverse_evaluations(z, numbers(z, pass));
}

}  // namespace diffeo
