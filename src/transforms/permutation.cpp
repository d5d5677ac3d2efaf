#include "transforms/permutation.h"

#include <ATen/ATen.h>

#include <algorithm>

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

Permutation::Permutation(const PermutationConfig& config, const Site& site)
    : Transform(PermutationConfig::kType, site, site.input) {
  require_permutation("order", config.order, site.input[0]);
  std::vector<int64_t> back(config.order.size());
  for (size_t c = 0; c < back.size(); ++c)
    back[static_cast<size_t>(config.order[c])] = static_cast<int64_t>(c);
  order_ = whole_numbers(site, config.order);
  back_ = whole_numbers(site, back);
}

Mapped Permutation::do_forward(const Tensor& x, const Pass&) { return {x.index_select(1, order_)}; }

Tensor Permutation::do_inverse(const Tensor& z, const Pass&) { return z.index_select(1, back_); }

void require_permutation(const char* key, const std::vector<int64_t>& order, int64_t count) {
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  bool each_once = static_cast<int64_t>(sorted.size()) == count;
  for (int64_t i = 0; each_once && i < count; ++i) each_once = sorted[static_cast<size_t>(i)] == i;
  require(each_once, key, ": expected each of 0 to ", count - 1, " once, found ", to_string(order));
}

Tensor whole_numbers(const Site& site, const std::vector<int64_t>& values) {
  Tensor on_host = at::tensor(values, site.options.device(at::kCPU).dtype(at::kLong));
  return on_host.to(site.options.device());
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
