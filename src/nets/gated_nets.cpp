#include "nets/gated_nets.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

Site hidden_site(const Site& site, const std::string& name, int64_t channels) {
  Shape hidden = site.input;
  hidden[0] = channels;
  return site.inside(name, hidden);
}

}  // namespace

GatedAttentionNet::GatedAttentionNet(const GatedAttentionNetConfig& config, const Site& site,
                                     int64_t outputs)
    : Conditioner(site), last_elu_(config.last_elu), takes_features_(!site.features.empty()) {
  require_image(site, GatedAttentionNetConfig::kType);
  int64_t filters = config.filters, context = takes_features_ ? site.features[0] : 0;
  auto conv = [&](const char* name, int64_t inputs, int64_t channels, double scale) {
    StartedConv::Form form{.kernel = 3, .weight_norm = config.weight_norm, .scale = scale};
    return register_module(
        name, std::make_shared<StartedConv>(site.inside(name, site.input), inputs, channels, form));
  };
  GatedBlockOptions options{.blocks = config.blocks,
                            .heads = config.heads,
                            .attention = config.attention,
                            .dropout = config.dropout,
                            .weight_norm = config.weight_norm,
                            .kernel = 1,
                            .layer_norm = true,
                            .positions = true};
  first_ = conv("first", site.input[0], filters, 1);
  blocks_ = register_module("blocks", std::make_shared<GatedBlocks>(
                                          options, hidden_site(site, "blocks", filters), context));
  last_ = conv("last", last_elu_ ? 2 * filters : filters, outputs, 0.1);
}

Tensor GatedAttentionNet::do_forward(const Tensor& x, const Pass& pass) {
  Tensor context = takes_features_ ? pass.features : Tensor();
  Tensor h = blocks_->forward(first_->forward(x, pass), context, pass);
  return last_->forward(last_elu_ ? concat_elu(h) : h, pass);
}

GatedConvNet::GatedConvNet(const GatedConvNetConfig& config, const Site& site, int64_t outputs)
    : Conditioner(site) {
  require_image(site, GatedConvNetConfig::kType);
  GatedBlockOptions options{.blocks = config.blocks,
                            .heads = config.heads,
                            .attention = config.attention,
                            .dropout = config.dropout,
                            .weight_norm = config.weight_norm,
                            .kernel = 3,
                            .layer_norm = config.layer_norm,
                            .positions = false};
  StartedConv::Form form{.kernel = 3, .weight_norm = config.weight_norm};
  Site first = site.inside("first", site.input);
  first_ = register_module(
      "first", std::make_shared<StartedConv>(first, input_channels(site), outputs, form));
  blocks_ = register_module(
      "blocks", std::make_shared<GatedBlocks>(options, hidden_site(site, "blocks", outputs), 0));
}

Tensor GatedConvNet::do_forward(const Tensor& x, const Pass& pass) {
  return blocks_->forward(first_->forward(x, pass), {}, pass);
}

}  // namespace diffeo
