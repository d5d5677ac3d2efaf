#include "nets/gated_blocks.h"

#include <ATen/ATen.h>

namespace diffeo {

Tensor concat_elu(const Tensor& x) { return at::elu(at::cat({x, -x}, 1)); }

Tensor gated(const Tensor& x) {
  std::vector<Tensor> halves = x.chunk(2, 1);
  return halves[0] * halves[1].sigmoid();
}

Tensor dropped_out(const Tensor& x, double rate, const Pass& pass, const std::string& path) {
  if (rate == 0 || pass.mode == Mode::kEvaluate) return x;
  Tensor kept = pass.uniform(path, x) >= rate;
  return x * kept.to(x.scalar_type()) * (1 / (1 - rate));
}

ChannelLayerNorm::ChannelLayerNorm(const Site& site) {
  gain_ = register_parameter("gain", site.constant({site.input[0], 1, 1}, 1));
  bias_ = register_parameter("bias", site.constant({site.input[0], 1, 1}, 0));
}

Tensor ChannelLayerNorm::forward(const Tensor& x) const {
  Tensor centred = x - x.mean(1, /*keepdim=*/true);
  Tensor deviation = (centred.square().mean(1, /*keepdim=*/true) + 1e-5).rsqrt();
  return centred * deviation * gain_ + bias_;
}

GatedBlocks::GatedBlocks(const GatedBlockOptions& options, const Site& site, int64_t context) : options_(options) {
  int64_t filters = site.input[0];
  bool attends = options.attention != Attention::kNone;
  require(options.attention != Attention::kFull || filters % options.heads == 0, "heads: ", options.heads,
          " do not divide ", filters, " channels");
  if (attends || options.positions) {
    positions_ = register_parameter("positions", site.normal("positions", site.input, 0.01));
  }
  for (int64_t i = 0; i < options.blocks; ++i) blocks_.push_back(make_block(i, site, context));
}

GatedBlocks::Block GatedBlocks::make_block(int64_t number, const Site& site, int64_t context) {
  int64_t filters = site.input[0];
  const std::string name = "block" + std::to_string(number) + "_";
  auto conv = [&](const std::string& part, int64_t inputs, int64_t outputs, int64_t kernel, double scale) {
    StartedConv::Form form{.kernel = kernel, .weight_norm = options_.weight_norm, .scale = scale};
    Site place = site.inside(name + part, site.input);
    return register_module(name + part, std::make_shared<StartedConv>(place, inputs, outputs, form));
  };
  auto norm = [&](const std::string& part) {
    return register_module(name + part, std::make_shared<ChannelLayerNorm>(site.inside(name + part, site.input)));
  };
  Block block;
  block.path = site.path + "." + name;
  block.first = conv("first", 2 * filters, filters, 3, 1);
  if (context > 0) block.context = conv("context", 2 * context, filters, 1, 1);
  block.second = conv("second", 2 * filters, 2 * filters, options_.kernel, 0.1);
  if (options_.layer_norm) block.conv_norm = norm("conv_norm");
  if (options_.attention == Attention::kNone) return block;
  block.attention_in = conv("attention_in", filters, 3 * filters, 1, 1);
  block.attention_out = conv("attention_out", filters, 2 * filters, 1, 0.1);
  if (options_.layer_norm) block.attention_norm = norm("attention_norm");
  return block;
}

Tensor GatedBlocks::convolved(const Block& block, const Tensor& x, const Tensor& context, const Pass& pass) const {
  Tensor h = block.first->forward(concat_elu(x), pass);
  if (block.context) h = h + block.context->forward(concat_elu(context), pass);
  h = dropped_out(concat_elu(h), options_.dropout, pass, block.path + "conv_dropout");
  return x + gated(block.second->forward(h, pass));
}

// [B, 3F, H, W] -> [B, F, H, W].
Tensor GatedBlocks::mixed(const Tensor& projected) const {
  int64_t batch = projected.size(0), filters = projected.size(1) / 3;
  Shape sizes{batch, filters, projected.size(2), projected.size(3)};
  if (options_.attention == Attention::kMax) {
    return projected.reshape({batch, filters, 3, sizes[2], sizes[3]}).amax(2);
  }
  Tensor heads = projected.reshape({batch, 3, options_.heads, filters / options_.heads, sizes[2] * sizes[3]})
                     .transpose(3, 4);  // [B, 3, heads, positions, F / heads]
  Tensor out = at::scaled_dot_product_attention(heads.select(1, 0), heads.select(1, 1), heads.select(1, 2));
  return out.transpose(2, 3).reshape(sizes);
}

Tensor GatedBlocks::attended(const Block& block, const Tensor& x, const Pass& pass) const {
  Tensor h = mixed(block.attention_in->forward(x + positions_, pass));
  h = dropped_out(h, options_.dropout, pass, block.path + "attention_dropout");
  return x + gated(block.attention_out->forward(h, pass));
}

Tensor GatedBlocks::forward(const Tensor& x, const Tensor& context, const Pass& pass) {
  Tensor h = x;
  for (const Block& block : blocks_) {
    h = convolved(block, h, context, pass);
    if (block.conv_norm) h = block.conv_norm->forward(h);
    if (block.attention_in) h = attended(block, h, pass);
    if (block.attention_norm) h = block.attention_norm->forward(h);
  }
  return h;
}

}  // namespace diffeo
