#include "transforms/inv_conv.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

Tensor starting_matrix(MixStart start, const Site& site, int64_t channels) {
  if (start == MixStart::kRotation) return site.rotation("weight", channels);
  return at::diag_embed(site.constant({channels}, 1)) +
         site.normal("weight", {channels, channels}, 0.001);
}

}  // namespace

InvConv::InvConv(const InvConvConfig& config, const Site& site)
    : Transform(InvConvConfig::kType, site, site.input) {
  auto add = [&](const char* name, const Shape& part) {
    auto make = config.form == MixForm::kPlain ? make_plain_mix : make_lu_mix;
    Tensor start = starting_matrix(config.start, site.inside(name, part), part[0]);
    mixes_.push_back(register_module(name, make(start)));
    positions_.push_back(numel(part) / part[0]);
  };
  if (config.split == MixSplit::kNone) {
    add("mix", site.input);
    return;
  }
  partition_ = Partition{config.split == MixSplit::kChannel ? Split::kChannel : Split::kColumns};
  auto [first, second] = partition_->shapes(site.input);
  add("first", first);
  add("second", second);
}

Mapped InvConv::do_forward(const Tensor& x, const Pass&) {
  Tensor log_det = mixes_[0]->log_abs_det() * positions_[0];
  if (!partition_) return {mixes_[0]->forward(x), log_det.expand(x.size(0))};
  auto [first, second] = partition_->split(x);
  log_det = log_det + mixes_[1]->log_abs_det() * positions_[1];
  return {partition_->merge(mixes_[0]->forward(first), mixes_[1]->forward(second)),
          log_det.expand(x.size(0))};
}

std::optional<Mapped> InvConv::forward_scaled(const Tensor& x, const Tensor& scale,
                                              const Tensor& shift) const {
  if (partition_ || x.dim() != 4) return {};
  Tensor log_det = mixes_[0]->log_abs_det() * positions_[0];
  return Mapped{mixes_[0]->forward_scaled(x, scale, shift), log_det.expand(x.size(0))};
}

Tensor InvConv::do_inverse(const Tensor& z, const Pass&) {
  if (!partition_) return mixes_[0]->inverse(z);
  auto [first, second] = partition_->split(z);
  return partition_->merge(mixes_[0]->inverse(first), mixes_[1]->inverse(second));
}

}  // namespace diffeo
