#include "transforms/permutation.h"

#include <ATen/ATen.h>

namespace diffeo {

Reverse::Reverse(const ReverseConfig&, const Site& site)
    : Transform(ReverseConfig::kType, site, site.input) {}

Mapped Reverse::do_forward(const Tensor& x, const Pass&) { return {x.flip(1)}; }

Tensor Reverse::do_inverse(const Tensor& z, const Pass&) { return z.flip(1); }

Shuffle::Shuffle(const ShuffleConfig&, const Site& site)
    : Transform(ShuffleConfig::kType, site, site.input) {
  indices_ = register_buffer("indices", site.permutation("indices", site.input[0]));
}

Mapped Shuffle::do_forward(const Tensor& x, const Pass&) { return {x.index_select(1, indices_)}; }

Tensor Shuffle::do_inverse(const Tensor& z, const Pass&) {
  return z.index_select(1, indices_.argsort());
}

Flip::Flip(const FlipConfig& config, const Site& site)
    : Transform(FlipConfig::kType, site, site.input), partition_{config.split} {
  auto [first, second] = partition_.shapes(site.input);
  require(first == second, "flip: the halves of ", to_string(site.input),
          " differ: ", to_string(first), " and ", to_string(second));
}

Mapped Flip::do_forward(const Tensor& x, const Pass& pass) { return {do_inverse(x, pass)}; }

Tensor Flip::do_inverse(const Tensor& z, const Pass&) {
  auto [first, second] = partition_.split(z);
  return partition_.merge(second, first);
}

Flatten::Flatten(const FlattenConfig&, const Site& site)
    : Transform(FlattenConfig::kType, site, {numel(site.input)}) {}

Mapped Flatten::do_forward(const Tensor& x, const Pass&) { return {x.flatten(1)}; }

Tensor Flatten::do_inverse(const Tensor& z, const Pass&) {
  return z.reshape(batched(z.size(0), input_shape()));
}

}  // namespace diffeo
