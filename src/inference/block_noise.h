#pragma once

#include "core/noise.h"

namespace diffeo {

// Noise of the examples first, first + 1, … of a long list. Draws are made in blocks of 32
// examples, each from (seed, block, path), so an example gets the same noise in a batch of any
// size.
class BlockNoise final : public Noise {
 public:
  BlockNoise(uint64_t seed, int64_t first, at::Device device)
      : seed_(seed), first_(first), device_(device) {}

  // `like`: [B, ...], the examples first … first + B - 1.
  at::Tensor normal(const std::string& path, const at::Tensor& like) override;
  at::Tensor uniform(const std::string& path, const at::Tensor& like) override;

 private:
  at::Tensor drawn(const std::string& path, const at::Tensor& like,
                   at::Tensor (Noise::*draw)(const std::string&, const at::Tensor&)) const;

  uint64_t seed_;
  int64_t first_;
  at::Device device_;
};

}  // namespace diffeo
