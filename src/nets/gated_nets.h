#pragma once

#include "nets/conditioner.h"
#include "nets/gated_blocks.h"

namespace diffeo {

struct GatedAttentionNetConfig {
  using Builds = class GatedAttentionNet;
  static constexpr const char* kType = "gated_attention_net";
  static constexpr const char* kDoc =
      "Flow++'s network for images: gated convolutions and attention over all positions.";
  int64_t filters = 96;
  int64_t blocks = 10;
  int64_t heads = 4;
  Attention attention = Attention::kFull;
  double dropout = 0;
  bool weight_norm = false;
  bool last_elu = false;

  template <class Archive>
  void fields(Archive& ar) {
    ar("filters", filters, "channels of every hidden layer", between(1, 65536));
    ar("blocks", blocks, "blocks of gated convolution and attention", between(0, 1000));
    ar("heads", heads, "of the attention; divide the filters", at_least(1));
    ar("attention", attention, "full, or max or none in its place");
    ar("dropout", dropout, "share of elements set to zero while training", between(0, 0.99));
    ar("weight_norm", weight_norm, "weight norm in every convolution (the ImageNet 32 model)");
    ar("last_elu", last_elu,
       "a nonlinearity before the last convolution (the ImageNet and CelebA models)");
  }
};

// flowpp, MixLogisticAttnCoupling: a 3x3 convolution, blocks, [concat_elu,] a 3x3 convolution whose
// start has deviation 0.1. The features, where there are any, enter every gated convolution.
// Without attention the positions' embedding remains, unused, as in the authors' ImageNet 64
// dequantizer, and counts as parameters.
class GatedAttentionNet final : public Conditioner {
 public:
  GatedAttentionNet(const GatedAttentionNetConfig& config, const Site& site, int64_t outputs);

 private:
  Tensor read(const Tensor& x, const Tensor&) const override { return x; }
  Tensor do_forward(const Tensor& x, const Pass& pass) override;

  bool last_elu_, takes_features_;
  std::shared_ptr<StartedConv> first_, last_;
  std::shared_ptr<GatedBlocks> blocks_;
};

struct GatedConvNetConfig {
  using Builds = class GatedConvNet;
  static constexpr const char* kType = "gated_conv_net";
  static constexpr const char* kDoc =
      "Flow++'s network for the features of an image: gated 3x3 convolutions.";
  int64_t blocks = 3;
  bool layer_norm = false;
  Attention attention = Attention::kNone;
  int64_t heads = 4;
  double dropout = 0;
  bool weight_norm = false;

  template <class Archive>
  void fields(Archive& ar) {
    ar("blocks", blocks, "gated convolutions", between(0, 1000));
    ar("layer_norm", layer_norm, "normalise over the channels behind each (the ImageNet models)");
    ar("attention", attention, "attention in each block (the ImageNet 32 model)");
    ar("heads", heads, "of the attention; divide the channels", at_least(1));
    ar("dropout", dropout, "share of elements set to zero while training", between(0, 0.99));
    ar("weight_norm", weight_norm, "weight norm in every convolution (the ImageNet 32 model)");
  }
};

// flowpp, the context network of its dequantizers: a 3x3 convolution to the features' channels,
// then blocks.
class GatedConvNet final : public Conditioner {
 public:
  GatedConvNet(const GatedConvNetConfig& config, const Site& site, int64_t outputs);

 private:
  Tensor do_forward(const Tensor& x, const Pass& pass) override;

  std::shared_ptr<StartedConv> first_;
  std::shared_ptr<GatedBlocks> blocks_;
};

}  // namespace diffeo
