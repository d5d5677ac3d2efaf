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

// Width of a network, 0 where it has no such number.
int64_t hidden_of(const ConditionerConfig& net) {
  return std::visit(
      [](const auto& config) -> int64_t {
        if constexpr (requires { config.hidden; }) return config.hidden;
        else return 0;
      },
      net);
}

}  // namespace

Coupling::Coupling(const CouplingConfig& config, const Site& site)
    : Coupling(CouplingConfig::kType,
               {{config.split, config.keep},
                config.context,
                config.batch_norm,
                /*masked=*/false,
                config.map,
                config.kept_map,
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
  MapRole role{
      .masked = parts.masked, .batch_norm = parts.batch_norm, .hidden = hidden_of(parts.net)};
  map_ = register_module("map", make_map(parts.map, site.inside("map", changed), role));
  if (parts.kept_map)
    kept_map_ = register_module(
        "kept_map", std::make_shared<LearnedMap>(*parts.kept_map, site.inside("kept_map", kept)));
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
  Tensor raw = parameters(kept, pass);
  if (!moments_ && !kept_map_) return map_->forward_within(x, partition_, raw);
  Mapped after = map_->forward(before, raw);
  if (moments_) normalise(after, pass);
  if (!kept_map_) return {partition_.merge(kept, after.value), after.log_det};
  Mapped mapped = kept_map_->forward(kept);
  return {partition_.merge(mapped.value, after.value), sum_of(mapped.log_det, after.log_det)};
}

// One evaluation of the network serves both: it reads the kept half of the input, which is that of
// the output, and the changed half is written beside it behind autograd's back.
Replayed Coupling::do_replay(const Tensor& z, at::TensorList, const Pass& pass) {
  Tensor input = z.detach().clone().requires_grad_();
  Tensor raw = parameters(partition_.split(input).first, pass);
  {
    at::NoGradGuard no_grad;
    auto [kept, after] = partition_.split(z);
    input.variable_data().copy_(partition_.merge(kept, map_->inverse(after, raw)));
  }
  return {input, map_->forward_within(input, partition_, raw)};
}

// The kept half, the changed one as the map left it, and the map's numbers.
Coupling::Undoing Coupling::undoing(const Tensor& z, const Pass& pass) {
  auto [kept, after] = partition_.split(z);
  if (kept_map_) kept = kept_map_->inverse(kept);
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

// The norm's part is that of the running moments, by which the inverse undoes it in every mode.
Mapped Coupling::do_inverse_with_log_det(const Tensor& z, const Pass& pass) {
  auto [kept, after, raw] = undoing(z, pass);
  Tensor before = map_->inverse(after, raw);
  Mapped forward = map_->forward(before, raw);
  if (moments_) normalise(forward, pass.with_mode(Mode::kEvaluate));
  if (kept_map_) forward.log_det = sum_of(forward.log_det, kept_map_->forward(kept).log_det);
  return {partition_.merge(kept, before), forward.log_det.defined() ? -forward.log_det : Tensor()};
}

Tensor Coupling::inverse_evaluations(const Tensor& z, const Pass& pass) {
  auto [kept, after, raw] = undoing(z, pass);
  return map_->inverse_evaluations(after, raw);
}

// Each half for itself, the other one replaced by what its map does take, so that places are those
// in x.
std::optional<OutsideDomain> Coupling::outside_domain(const Tensor& x) const {
  auto [kept, changed] = partition_.split(x);
  std::optional<OutsideDomain> found;
  if (auto domain = map_->domain())
    found = first_outside(partition_.merge(at::full_like(kept, domain->low), changed), *domain);
  if (found || !kept_map_) return found;
  if (auto domain = kept_map_->domain())
    found = first_outside(partition_.merge(kept, at::full_like(changed, domain->low)), *domain);
  return found;
}

MaskedCoupling::MaskedCoupling(const MaskedCouplingConfig& config, const Site& site)
    : Coupling(MaskedCouplingConfig::kType,
               {{Split::kCheckerboard, config.keep == Cells::kEven ? Keep::kFirst : Keep::kSecond},
                config.context,
                config.batch_norm,
                /*masked=*/true,
                config.map,
                /*kept_map=*/{},
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
