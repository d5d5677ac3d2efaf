#include "nets/gated_blocks.h"

#include <ATen/ATen.h>

#include "kernels/attention.h"
#include "kernels/gate.h"
#include "kernels/layer_norm.h"

namespace diffeo {
namespace {

struct ConvSizes {
  int64_t inputs, outputs, kernel;
  double scale;  // deviation of its output at the start
};

std::shared_ptr<StartedConv> conv_in(const std::string& name, const GatedBlockOptions& options,
                                     const Site& site, ConvSizes sizes) {
  StartedConv::Form form{
      .kernel = sizes.kernel, .weight_norm = options.weight_norm, .scale = sizes.scale};
  return std::make_shared<StartedConv>(site.inside(name, site.input), sizes.inputs, sizes.outputs,
                                       form);
}

}  // namespace

Dropout drawn_dropout(const Tensor& x, int64_t channels, double rate, const Pass& pass,
                      const std::string& path) {
  if (rate == 0 || pass.mode == Mode::kEvaluate) return {};
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes[1] = channels;
  return {pass.coin(path, x.new_empty(sizes), rate), 1 / (1 - rate)};
}

Tensor dropped_out(const Tensor& x, double rate, const Pass& pass, const std::string& path) {
  return dropped_out(x, drawn_dropout(x, x.size(1), rate, pass, path));
}

ChannelLayerNorm::ChannelLayerNorm(const Site& site) {
  gain_ = register_parameter("gain", site.constant({site.input[0], 1, 1}, 1));
  bias_ = register_parameter("bias", site.constant({site.input[0], 1, 1}, 0));
}

Tensor ChannelLayerNorm::forward(const Tensor& x) const {
  return channel_layer_norm(x, gain_, bias_);
}

GatedConv::GatedConv(const GatedBlockOptions& options, const Site& site, int64_t context)
    : path_(site.path), dropout_(options.dropout) {
  int64_t filters = site.input[0];
  auto conv = [&](const char* name, ConvSizes sizes) {
    return register_module(name, conv_in(name, options, site, sizes));
  };
  first_ = conv("first", {2 * filters, filters, 3, 1});
  if (context > 0) context_ = conv("context", {2 * context, filters, 1, 1});
  second_ = conv("second", {2 * filters, 2 * filters, options.kernel, 0.1});
}

Tensor GatedConv::forward(const Tensor& x, const Tensor& context, const Pass& pass) {
  Tensor h = first_->forward(concat_elu(x), pass);
  if (context_) h = h + context_->forward(concat_elu(context), pass);
  h = concat_elu(h, drawn_dropout(h, 2 * h.size(1), dropout_, pass, path_ + ".dropout"));
  return gated_sum(x, second_->forward(h, pass));
}

GatedAttention::GatedAttention(const GatedBlockOptions& options, const Site& site)
    : path_(site.path), dropout_(options.dropout), heads_(options.heads), kind_(options.attention) {
  int64_t filters = site.input[0];
  require(kind_ != Attention::kFull || filters % heads_ == 0, "heads: ", heads_, " do not divide ",
          filters, " channels");
  in_ = register_module("in", conv_in("in", options, site, {filters, 3 * filters, 1, 1}));
  out_ = register_module("out", conv_in("out", options, site, {filters, 2 * filters, 1, 0.1}));
}

// [B, 3F, H, W] -> [B, F, H, W].
Tensor GatedAttention::mixed(const Tensor& projected) const {
  if (kind_ != Attention::kMax) return attention(projected, heads_);
  return projected.unflatten(1, {projected.size(1) / 3, 3}).amax(2);
}

Tensor GatedAttention::forward(const Tensor& x, const Tensor& positions, const Pass& pass) {
  Tensor h = mixed(in_->forward(x + positions, pass));
  h = dropped_out(h, dropout_, pass, path_ + ".dropout");
  return gated_sum(x, out_->forward(h, pass));
}

GatedBlocks::GatedBlocks(const GatedBlockOptions& options, const Site& site, int64_t context) {
  if (options.attention != Attention::kNone || options.positions) {
    positions_ = register_parameter("positions", site.normal("positions", site.input, 0.01));
  }
  for (int64_t i = 0; i < options.blocks; ++i) {
    blocks_.push_back(make_block("block" + std::to_string(i) + "_", options, site, context));
  }
}

GatedBlocks::Block GatedBlocks::make_block(const std::string& name,
                                           const GatedBlockOptions& options, const Site& site,
                                           int64_t context) {
  auto inside = [&](const char* part) { return site.inside(name + part, site.input); };
  auto norm = [&](const char* part) {
    return register_module(name + part, std::make_shared<ChannelLayerNorm>(inside(part)));
  };
  Block block;
  block.conv =
      register_module(name + "conv", std::make_shared<GatedConv>(options, inside("conv"), context));
  if (options.layer_norm) block.conv_norm = norm("conv_norm");
  if (options.attention == Attention::kNone) return block;
  block.attention = register_module(name + "attention",
                                    std::make_shared<GatedAttention>(options, inside("attention")));
  if (options.layer_norm) block.attention_norm = norm("attention_norm");
  return block;
}

Tensor GatedBlocks::forward(const Tensor& x, const Tensor& context, const Pass& pass) {
  Tensor h = x;
  for (const Block& block : blocks_) {
    h = block.conv->forward(h, context, pass);
    if (block.conv_norm) h = block.conv_norm->forward(h);
    if (block.attention) h = block.attention->forward(h, positions_, pass);
    if (block.attention_norm) h = block.attention_norm->forward(h);
  }
  return h;
}

}  // namespace diffeo
