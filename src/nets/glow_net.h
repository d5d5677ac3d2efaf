#pragma once

#include "nets/channel_norm.h"
#include "nets/conditioner.h"
#include "nets/zero_layers.h"

namespace diffeo {

struct GlowNetConfig {
  using Builds = class GlowNet;
  static constexpr const char* kType = "glow_net";
  static constexpr const char* kDoc =
      "Glow's network for images: 3x3, 1x1 and 3x3 convolutions with actnorm and ReLU between.";
  int64_t hidden = 512;

  template <class Archive>
  void fields(Archive& ar) {
    ar("hidden", hidden, "channels of both hidden layers", between(1, 65536));
  }
};

// openai/glow, f(): 3x3 convolution with edge channel, actnorm, ReLU; 1x1 convolution, actnorm,
// ReLU; 3x3 convolution that starts at zero. Hidden kernels start at N(0, 0.05^2).
class GlowNet final : public Conditioner {
 public:
  GlowNet(const GlowNetConfig& config, const Site& site, int64_t outputs);

 private:
  Tensor do_forward(const Tensor& x, const Pass& pass) override;
  Tensor initialised_forward(const Tensor& x, const Pass& pass);

  std::shared_ptr<EdgeConv> first_;
  std::shared_ptr<ChannelNorm> first_norm_;
  Tensor second_;  // [hidden, hidden, 1, 1]
  std::shared_ptr<ChannelNorm> second_norm_;
  std::shared_ptr<ZeroConv> last_;
};

}  // namespace diffeo
