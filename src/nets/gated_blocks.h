#pragma once

#include <vector>

#include "core/enums.h"
#include "nets/started_conv.h"

namespace diffeo {

// The parts of Flow++'s networks (Ho et al. 2019, section 3.3; flowpp, nn.py), all on [B, F, H, W].

// ELU of [x, -x] along the channels, which it doubles.
Tensor concat_elu(const Tensor& x);

// a sigmoid(b), a and b the halves of the channels.
Tensor gated(const Tensor& x);

// x with elements set to zero with probability `rate` and the others scaled up, in modes train and initialise. `path`
// names the draw.
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
  static constexpr std::array names{std::pair{"full", Attention::kFull}, std::pair{"max", Attention::kMax},
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

// Blocks of gated convolution, layer norm, gated attention, layer norm, each behind a residual sum. One embedding of the
// positions is shared by all.
class GatedBlocks final : public torch::nn::Module {
 public:
  // `context`: channels of the context each gated convolution takes in; 0: none. Throws when the heads do not divide
  // the channels.
  GatedBlocks(const GatedBlockOptions& options, const Site& site, int64_t context);
  Tensor forward(const Tensor& x, const Tensor& context, const Pass& pass);

 private:
  using ConvPtr = std::shared_ptr<StartedConv>;
  using NormPtr = std::shared_ptr<ChannelLayerNorm>;  // null: none
  struct Block {
    std::string path;
    ConvPtr first, context, second;  // context null: none
    NormPtr conv_norm;
    ConvPtr attention_in, attention_out;  // null: no attention
    NormPtr attention_norm;
  };

  Block make_block(int64_t number, const Site& site, int64_t context);
  Tensor convolved(const Block& block, const Tensor& x, const Tensor& context, const Pass& pass) const;
  Tensor attended(const Block& block, const Tensor& x, const Pass& pass) const;
  Tensor mixed(const Tensor& projected) const;

  GatedBlockOptions options_;
  Tensor positions_;  // [F, H, W]; undefined where nothing attends and none is owned
  std::vector<Block> blocks_;
};

}  // namespace diffeo
