#include "transforms/autoregressive.h"

#include <ATen/ATen.h>

#include "transforms/permutation.h"

namespace diffeo {
namespace {

// The place of each coordinate in the order.
std::vector<int64_t> places_of(const AutoregressiveConfig& config, const Site& site) {
  int64_t size = site.input[0];
  if (config.places) {
    require(config.order == Order::kSequential, "places and order exclude each other; give one");
    require_permutation("places", *config.places, size);
    return *config.places;
  }
  std::vector<int64_t> places;
  for (int64_t i = 0; i < size; ++i)
    places.push_back(config.order == Order::kReversed ? size - 1 - i : i);
  if (config.order != Order::kRandom) return places;
  Site on_host = site;
  on_host.options = on_host.options.device(at::kCPU);
  Tensor drawn = on_host.permutation("order", size);
  return {drawn.const_data_ptr<int64_t>(), drawn.const_data_ptr<int64_t>() + size};
}

std::vector<std::vector<int64_t>> groups_of(const std::vector<int64_t>& places, int64_t passes) {
  auto size = static_cast<int64_t>(places.size());
  require(passes <= size, "passes: ", passes, " groups of ", size, " coordinates; at most ", size);
  int64_t each = passes == 0 ? 1 : (size + passes - 1) / passes;
  std::vector<std::vector<int64_t>> groups(static_cast<size_t>((size + each - 1) / each));
  for (int64_t i = 0; i < size; ++i)
    groups[static_cast<size_t>(places[static_cast<size_t>(i)] / each)].push_back(i);
  return groups;
}

}  // namespace

Autoregressive::Autoregressive(const AutoregressiveConfig& config, const Site& site)
    : Transform(AutoregressiveConfig::kType, site, site.input), context_(config.context) {
  require(site.input.size() == 1, "maps vectors [D], not ", to_string(site.input),
          "; put a flatten before it");
  int64_t size = site.input[0];
  map_ = register_module("map", make_map(config.map, site.inside("map", site.input)));
  MadeOrder order;
  order.degrees.resize(static_cast<size_t>(size));
  for (const auto& group : groups_of(places_of(config, site), config.passes)) {
    groups_.push_back(whole_numbers(site, group));
    order.rows.push_back(rows_of(*map_, group, size));
    for (int64_t i : group)
      order.degrees[static_cast<size_t>(i)] = static_cast<int64_t>(groups_.size());
  }
  Site net_site = site.inside("net", site.input);
  context_shape_ = net_site.features = context_shape(context_, site, site.input);
  net_ = register_module("net", std::make_shared<Made>(config.net, net_site, std::move(order)));
}

std::optional<OutsideDomain> Autoregressive::outside_domain(const Tensor& x) const {
  return map_->domain() ? first_outside(x, *map_->domain()) : std::optional<OutsideDomain>();
}

Pass Autoregressive::with_context(const Tensor& like, const Pass& pass) const {
  return pass.with_features(context_of(context_, pass, like, context_shape_));
}

Mapped Autoregressive::do_forward(const Tensor& x, const Pass& pass) {
  return map_->forward(x, net_->forward(x, with_context(x, pass)));
}

Tensor Autoregressive::solved(const Tensor& z, const Pass& pass, const Group& also) const {
  return net_->in_order(z, with_context(z, pass), [&](int64_t group, const Tensor& numbers) {
    Tensor x = map_->inverse(z.index_select(1, groups_[static_cast<size_t>(group)]), numbers);
    also(x, numbers);
    return x;
  });
}

Tensor Autoregressive::do_inverse(const Tensor& z, const Pass& pass) {
  return solved(z, pass, [](const Tensor&, const Tensor&) {});
}

Mapped Autoregressive::do_inverse_with_log_det(const Tensor& z, const Pass& pass) {
  Tensor log_det;
  Tensor x = solved(z, pass, [&](const Tensor& of_group, const Tensor& numbers) {
    log_det = sum_of(log_det, map_->forward(of_group, numbers).log_det);
  });
  return {x, log_det.defined() ? -log_det : log_det};
}

Tensor Autoregressive::inverse_evaluations(const Tensor& z, const Pass& pass) {
  Tensor x = do_inverse(z, pass);
  return map_->inverse_evaluations(z, net_->forward(x, with_context(x, pass)));
}

}  // namespace diffeo
