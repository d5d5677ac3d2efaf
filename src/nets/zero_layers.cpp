#include "nets/zero_layers.h"

#include <ATen/ATen.h>

#include "nets/channel_norm.h"

namespace diffeo {
namespace {

Tensor padding_indicator(const Site& site) {
  int64_t height = site.input[1], width = site.input[2];
  Tensor edge = site.constant({1, 1, height + 2, width + 2}, 1);
  edge.narrow(2, 1, height).narrow(3, 1, width).fill_(0);
  return edge;
}

}  // namespace

EdgeConv::EdgeConv(const Site& site, int64_t outputs, double deviation)
    : edge_(padding_indicator(site)) {
  weight_ = register_parameter("weight",
                               site.normal("weight", {outputs, site.input[0], 3, 3}, deviation));
  edge_weight_ =
      register_parameter("edge_weight", site.normal("edge_weight", {outputs, 1, 3, 3}, deviation));
}

Tensor EdgeConv::at_zero() const { return at::conv2d(edge_, edge_weight_); }

Tensor EdgeConv::forward(const Tensor& x) const {
  return at::conv2d(x, weight_, /*bias=*/{}, /*stride=*/1, /*padding=*/1) + at_zero();
}

Tensor EdgeConv::forward(const Tensor& x, const Tensor& scale, const Tensor& shift) const {
  Tensor map = at::conv2d(edge_, edge_weight_ * scale.unsqueeze(3)) + shift;
  return at::conv2d(x, weight_ * scale.unsqueeze(3), /*bias=*/{}, /*stride=*/1, /*padding=*/1)
      .add_(map);
}

ZeroConv::ZeroConv(const Site& site, int64_t outputs)
    : conv_(register_module(
          "conv", std::make_shared<EdgeConv>(site.inside("conv", site.input), outputs, 0))) {
  b_ = register_parameter("b", site.constant({outputs, 1, 1}, 0));
  logs_ = register_parameter("logs", site.constant({outputs, 1, 1}, 0));
}

Tensor ZeroConv::finished(const Tensor& h) const {
  return (h + b_) * (kGlowLogsFactor * logs_).exp();
}

Tensor ZeroConv::forward(const Tensor& x) const {
  Tensor scale = (kGlowLogsFactor * logs_).exp();
  return conv_->forward(x, scale, b_ * scale);
}

Tensor ZeroConv::at_zero() const { return finished(conv_->at_zero()); }

ZeroLinear::ZeroLinear(const Site& site, int64_t inputs, int64_t outputs) {
  weight_ = register_parameter("weight", site.constant({outputs, inputs}, 0));
  b_ = register_parameter("b", site.constant({outputs}, 0));
  logs_ = register_parameter("logs", site.constant({outputs}, 0));
}

Tensor ZeroLinear::forward(const Tensor& x) const {
  return at::linear(x, weight_, b_) * (kGlowLogsFactor * logs_).exp();
}

}  // namespace diffeo
