#include "nets/zero_layers.h"

#include <ATen/ATen.h>

#include "nets/channel_norm.h"

namespace diffeo {
namespace {

// Whether the cell of a 3x3 kernel lies on the padding, for each position: [H W, 9].
Tensor padding_patches(const Site& site) {
  int64_t height = site.input[1], width = site.input[2];
  Tensor edge = site.constant({height + 2, width + 2}, 1);
  edge.narrow(0, 1, height).narrow(1, 1, width).fill_(0);
  return edge.unfold(0, 3, 1).unfold(1, 3, 1).reshape({height * width, 9});
}

}  // namespace

EdgeConv::EdgeConv(const Site& site, int64_t outputs, double deviation)
    : edge_patches_(padding_patches(site)), image_(site.input) {
  weight_ = register_parameter("weight",
                               site.normal("weight", {outputs, site.input[0], 3, 3}, deviation));
  edge_weight_ =
      register_parameter("edge_weight", site.normal("edge_weight", {outputs, 1, 3, 3}, deviation));
}

// As an image with its channels last.
Tensor EdgeConv::at_zero() const {
  Tensor rows = edge_patches_.mm(edge_weight_.flatten(1).t());
  return rows.t().view({1, edge_weight_.size(0), image_[1], image_[2]});
}

Tensor EdgeConv::forward(const Tensor& x) const {
  return at::conv2d(x, weight_, /*bias=*/{}, /*stride=*/1, /*padding=*/1) + at_zero();
}

Tensor EdgeConv::inside(const Tensor& x, const Tensor& scale) const {
  return at::conv2d(x, weight_ * scale.unsqueeze(3), /*bias=*/{}, /*stride=*/1, /*padding=*/1);
}

Tensor EdgeConv::edge(const Tensor& scale, const Tensor& shift) const {
  Tensor kernels = edge_weight_.flatten(1) * scale.flatten(1);
  Tensor rows = at::addmm(shift.flatten(), edge_patches_, kernels.t());
  return rows.t().view({1, edge_weight_.size(0), image_[1], image_[2]});
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
  return conv_->inside(x, scale).add_(conv_->edge(scale, b_ * scale));
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
