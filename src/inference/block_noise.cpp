#include "inference/block_noise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace diffeo {
namespace {

constexpr int64_t kBlock = 32;

}  // namespace

at::Tensor BlockNoise::drawn(const std::string& path, const at::Tensor& like,
                             at::Tensor (Noise::*draw)(const std::string&,
                                                       const at::Tensor&)) const {
  std::vector<int64_t> shape = like.sizes().vec();
  int64_t end = first_ + shape.at(0);
  shape[0] = kBlock;
  at::Tensor whole_block = at::empty({1}, like.options()).expand(shape);
  std::vector<at::Tensor> parts;
  for (int64_t block = first_ / kBlock; block * kBlock < end; ++block) {
    SeededNoise noise(seed_of(seed_, "block", block), device_);
    int64_t from = std::max<int64_t>(0, first_ - block * kBlock),
            to = std::min(kBlock, end - block * kBlock);
    parts.push_back((noise.*draw)(path, whole_block).slice(0, from, to));
  }
  return parts.size() == 1 ? parts[0] : at::cat(parts);
}

at::Tensor BlockNoise::normal(const std::string& path, const at::Tensor& like) {
  return drawn(path, like, &Noise::normal);
}

at::Tensor BlockNoise::uniform(const std::string& path, const at::Tensor& like) {
  return drawn(path, like, &Noise::uniform);
}

}  // namespace diffeo
