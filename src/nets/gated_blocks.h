#pragma once

#include <vector>

#include "core/enums.h"
#include "kernels/concat_elu.h"
#include "nets/started_conv.h"

namespace diffeo {

// The parts of Flow++'s networks (Ho et al. 2019, section 3.3; flowpp, nn.py), all on [B, F, H, W].

// What a dropout of [B, channels, ...], beside x [B, C, ...], sets to zero: elements with
// probability `rate`, in modes train and initialise. `path` names the draw.
Dropout drawn_dropout(const Tensor& x, int64_t channels, double rate, const Pass& pass,
                      const std::string& path);

// x with such a dropout.
Tensor dropped_out(const Tensor& x, double rate, const Pass& pass, const std::string& path);

// Normalises each position over its channels; gain and bias for each channel, epsilon 1e-5.
class ChannelLayerNorm final : public torch::nn::Module {
 public:
  explicit ChannelLayerNorm(const Site& site);
  Tensor forward(const Tensor& x) const;

 private:
  Tensor gain_, bias_;  // [F, 1, 1]
};

// What mixes the positions of a block.
enum class Attention {
  kFull,  // multi-head attention over all positions
  kMax,   // the largest of the three projections at each position: the ablation without attention
  kNone,  // nothing
};
template <>
struct EnumNames<Attention> {
  static constexpr std::array names{std::pair{"full", Attention::kFull},
                                    std::pair{"max", Attention::kMax},
                                    std::pair{"none", Attention::kNone}};
};

struct GatedBlockOptions {
  int64_t blocks;
  int64_t heads;
  Attention attention;
  double dropout;
  bool weight_norm;
  int64_t kernel;   // of a gated convolution's second convolution
  bool layer_norm;  // behind the gated convolution, and behind the attention if there is one
  bool positions;   // own the positions' embedding even where nothing attends
};

// gated_sum(x, conv(concat_elu(conv3x3(concat_elu(x)) + conv1x1(concat_elu(context))))).
class GatedConv final : public torch::nn::Module {
 public:
  // `context`: channels of the context; 0: none.
  GatedConv(const GatedBlockOptions& options, const Site& site, int64_t context);
  Tensor forward(const Tensor& x, const Tensor& context, const Pass& pass);

 private:
  std::string path_;
  double dropout_;
  std::shared_ptr<StartedConv> first_, context_, second_;  // context_ null: none
};

// gated_sum(x, conv1x1(mixed(conv1x1(x + positions)))), `mixed` according to Attention. The three
// thirds of the projection are queries, keys and values, each with its heads one behind the other.
class GatedAttention final : public torch::nn::Module {
 public:
  // Throws when the heads do not divide the channels.
  GatedAttention(const GatedBlockOptions& options, const Site& site);
  Tensor forward(const Tensor& x, const Tensor& positions, const Pass& pass);

 private:
  Tensor mixed(const Tensor& projected) const;

  std::string path_;
  double dropout_;
  int64_t heads_;
  Attention kind_;
  std::shared_ptr<StartedConv> in_, out_;
};

// Blocks of gated convolution, layer norm, gated attention, layer norm, which share one embedding
// of the positions.
class GatedBlocks final : public torch::nn::Module {
 public:
  // `context`: channels of the context each gated convolution takes in; 0: none.
  GatedBlocks(const GatedBlockOptions& options, const Site& site, int64_t context);
  Tensor forward(const Tensor& x, const Tensor& context, const Pass& pass);

 private:
  struct Block {
    std::shared_ptr<GatedConv> conv;
    std::shared_ptr<ChannelLayerNorm> conv_norm;  // null: none
    std::shared_ptr<GatedAttention> attention;    // null: none
    std::shared_ptr<ChannelLayerNorm> attention_norm;
  };

  Block make_block(const std::string& name, const GatedBlockOptions& options, const Site& site,
                   int64_t context);

  Tensor positions_;  // [F, H, W]; undefined where nothing attends and none is owned
  std::vector<Block> blocks_;
};

}  // namespace diffeo
