#include "transforms/coupling.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

// The network's site: the half it reads, or the whole image and its mask, with the context behind.
Site net_site(const Site& site, const Shape& input, const Shape& context, bool masked) {
  Site inside = site.inside("net", input);
  inside.features = context;
  if (!masked) return inside;
  if (context.empty()) inside.features = {1, input[1], input[2]};
  else ++inside.features[0];
  return inside;
}

}  // namespace

Coupling::Coupling(const CouplingConfig& config, const Site& site)
    : Coupling(CouplingConfig::kType,
               {{config.split, config.keep},
                config.context,
                config.batch_norm,
                /*masked=*/false,
                config.map,
                config.net},
               site) {}

Coupling::Coupling(const char* type, const Parts& parts, const Site& site)
    : Transform(type, site, site.input),
      partition_(parts.partition),
      context_(parts.context),
      share_(parts.masked ? 0.5 : 1) {
  auto [kept, changed] = partition_.shapes(site.input);
  const Shape& read = parts.masked ? site.input : kept;
  const Shape& written = parts.masked ? site.input : changed;
  context_shape_ = context_shape(context_, site, read);
  MapRole role{.masked = parts.masked, .batch_norm = parts.batch_norm};
  map_ = register_module("map", make_map(parts.map, site.inside("map", changed), role));
  net_ = register_module(
      "net", make_conditioner(parts.net, net_site(site, read, context_shape_, parts.masked),
                              written[0] * map_->parameter_count()));
  if (!parts.batch_norm) return;
  net_norm_ =
      register_module("net_norm", std::make_shared<ShiftNorm>(site.inside("net_norm", read)));
  moments_ =
      register_module("moments", std::make_shared<RunningMoments>(site.inside("moments", changed)));
}

Tensor Coupling::context_for(const Tensor& input, const Pass& pass) const {
  return context_of(context_, pass, input, context_shape_);
}

Tensor Coupling::parameters(const Tensor& kept, const Pass& pass) {
  return net_->forward(net_norm_ ? net_norm_->forward(kept, pass) : kept,
                       pass.with_features(context_for(kept, pass)));
}

void Coupling::normalise(Mapped& changed, const Pass& pass) {
  auto [mean, variance] = moments_->of(changed.value, pass, share_);
  Tensor log_scale = -0.5 * (variance + kRealNvpEpsilon).log();
  double positions =
      static_cast<double>(changed.value[0].numel()) / static_cast<double>(log_scale.numel());
  changed.value = (changed.value - mean) * log_scale.exp();
  changed.log_det =
      sum_of(changed.log_det, (log_scale.sum() * positions).expand(changed.value.size(0)));
}

Mapped Coupling::do_forward(const Tensor& x, const Pass& pass) {
  auto [kept, before] = partition_.split(x);
  Mapped after = map_->forward(before, parameters(kept, pass));
  if (moments_) normalise(after, pass);
  return {partition_.merge(kept, after.value), after.log_det};
}

// The kept half, the changed one as the map left it, and the map's numbers.
Coupling::Undoing Coupling::undoing(const Tensor& z, const Pass& pass) {
  auto [kept, after] = partition_.split(z);
  if (moments_) {
    auto [mean, variance] = moments_->running();
    after = after * (variance + kRealNvpEpsilon).sqrt() + mean;
  }
  return {kept, after, parameters(kept, pass)};
}

Tensor Coupling::do_inverse(const Tensor& z, const Pass& pass) {
  auto [kept, after, raw] = undoing(z, pass);
  return partition_.merge(kept, map_->inverse(after, raw));
}

Tensor Coupling::inverse_evaluations(const Tensor& z, const Pass& pass) {
  auto [kept, after, raw] = undoing(z, pass);
  return map_->inverse_evaluations(after, raw);
}

MaskedCoupling::MaskedCoupling(const MaskedCouplingConfig& config, const Site& site)
    : Coupling(MaskedCouplingConfig::kType,
               {{Split::kCheckerboard, config.keep == Cells::kEven ? Keep::kFirst : Keep::kSecond},
                config.context,
                config.batch_norm,
                /*masked=*/true,
                config.map,
                config.net},
               site) {
  Tensor half = site.constant({1, 1, site.input[1], site.input[2] / 2}, 1);
  mask_ = partition_.merge(half, half.new_zeros(half.sizes()))[0];
}

Tensor MaskedCoupling::parameters(const Tensor& kept, const Pass& pass) {
  Tensor image = partition_.merge(kept, kept.new_zeros(kept.sizes()));
  Tensor context = context_for(image, pass);
  Tensor mask = mask_.expand({image.size(0), -1, -1, -1});
  Tensor features = context.defined() ? at::cat({mask, context}, 1) : mask;
  Tensor raw = net_->forward(net_norm_ ? 2 * net_norm_->forward(image, pass) : image,
                             pass.with_features(features));
  return partition_.split(raw).second;
}

}  // namespace diffeo
