#include "transforms/dequantize.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/base.h"
#include "transforms/layers.h"

namespace diffeo {

Dequantize::Dequantize(const DequantizeConfig& config, const Site& site)
    : Transform(DequantizeConfig::kType, site, site.input),
      bins_(std::exp2(config.bits)),
      per_bin_(std::exp2(config.data_bits - config.bits)) {
  require(config.bits <= config.data_bits, "bits: ", config.bits,
          " is more than the data have (data_bits: ", config.data_bits, ")");
  require(config.range.size() == 2 && config.range[0] < config.range[1],
          "range: expected [low, high] with low < high");
  low_ = config.range[0];
  width_ = config.range[1] - config.range[0];
  require(!config.features || !config.noise.empty(),
          "features: only 'noise' layers read them, and there are none");
  if (!config.noise.empty()) build_noise(config, site);
}

void Dequantize::build_noise(const DequantizeConfig& config, const Site& site) {
  require(std::holds_alternative<SigmoidConfig>(config.noise.back().config),
          "noise: must end in {type: sigmoid}, so that what it draws lies within a bin");
  Site noise_site = site.inside("noise", site.input);
  noise_site.has_latents = false;
  if (config.features) {
    feature_split_ = config.features->split;
    Partition{feature_split_}.shapes(site.input);
    Site net_site =
        site.inside("features", event_shape(stacked(at::empty(batched(1, site.input), at::kMeta))));
    net_site.features.clear();
    features_ = register_module(
        "features", make_conditioner(config.features->net, net_site, config.features->channels));
    noise_site.features = net_site.input;
    noise_site.features[0] = config.features->channels;
  }
  noise_ = register_module("noise", build_layers(config.noise, noise_site));
}

Tensor Dequantize::stacked(const Tensor& x) const {
  auto [first, second] = Partition{feature_split_}.split(x);
  return at::cat({first, second}, 1);
}

Mapped Dequantize::draw_noise(const Tensor& bins, const Pass& pass) {
  if (pass.centred) return {at::full_like(bins, 0.5)};
  if (!noise_) return {pass.uniform(path(), bins)};
  Tensor start = pass.normal(path(), bins);
  Tensor features =
      features_ ? features_->forward(stacked(bins / bins_ - 0.5), pass) : pass.features;
  Mapped u = noise_->forward(start, pass.with_features(features));
  return {u.value, sum_of(u.log_det, -standard_normal_log_prob(start))};
}

Mapped Dequantize::do_forward(const Tensor& x, const Pass& pass) {
  Tensor bins = per_bin_ == 1 ? x : (x / per_bin_).floor();
  Mapped u = draw_noise(bins, pass);
  double log_bin = static_cast<double>(numel(input_shape())) * std::log(width_ / bins_);
  return {(bins + u.value) * (width_ / bins_) + low_,
          sum_of(u.log_det, x.new_full({x.size(0)}, log_bin))};
}

Tensor Dequantize::do_inverse(const Tensor& z, const Pass&) {
  return (((z - low_) * (bins_ / width_)).floor() * per_bin_).clamp(0, bins_ * per_bin_ - 1);
}

}  // namespace diffeo
