#pragma once

#include <vector>

#include "nets/conditioner.h"
#include "nets/dense.h"
#include "nets/running_moments.h"

namespace diffeo {

struct ResidualNetConfig {
  using Builds = class ResidualNet;
  static constexpr const char* kType = "residual_net";
  static constexpr const char* kDoc =
      "nflows' residual network, for vectors and images: two layers a block, gated by the context.";
  int64_t hidden = 64;
  int64_t blocks = 2;
  bool batch_norm = false;
  double dropout = 0;

  template <class Archive>
  void fields(Archive& ar) {
    ar("hidden", hidden, "width, or channels, of every hidden layer", between(1, 65536));
    ar("blocks", blocks, "residual blocks", between(0, 1000));
    ar("batch_norm", batch_norm, "normalise before each of a block's ReLUs");
    ar("dropout", dropout, "share of elements set to zero while training", between(0, 0.99));
  }
};

// Batch norm inside a network: (x - mean) / sqrt(variance + 1e-3) weight + bias for each channel.
class ScaledNorm final : public torch::nn::Module {
 public:
  explicit ScaledNorm(const Site& site);
  Tensor forward(const Tensor& x, const Pass& pass);

 private:
  std::shared_ptr<RunningMoments> moments_;
  Tensor weight_, bias_;  // [C, 1, ...]
};

// x + W2 relu(W1 relu(x)), times sigmoid(Wc context) where there is a context.
class ResidualBlock final : public torch::nn::Module {
 public:
  ResidualBlock(const ResidualNetConfig& config, const Site& site);
  Tensor forward(const Tensor& x, const Pass& pass);

 private:
  std::string path_;
  double dropout_;
  std::shared_ptr<Dense> first_, second_, context_;       // context_ null: none
  std::shared_ptr<ScaledNorm> first_norm_, second_norm_;  // null: none
};

// ResidualNet and ConvResidualNet of nflows: a first layer on the input and the context, blocks, a
// last layer; for images the first and last layers are 1x1 convolutions and the blocks' 3x3.
class ResidualNet final : public Conditioner {
 public:
  ResidualNet(const ResidualNetConfig& config, const Site& site, int64_t outputs);

 private:
  Tensor do_forward(const Tensor& x, const Pass& pass) override;

  std::shared_ptr<Dense> first_, last_;
  std::vector<std::shared_ptr<ResidualBlock>> blocks_;
};

}  // namespace diffeo
