#include "nets/residual_net.h"

#include <ATen/ATen.h>

#include "nets/gated_blocks.h"

namespace diffeo {
namespace {

constexpr double kInnerNormEpsilon = 1e-3;
constexpr double kLastOfBlock = 1e-3;  // within which a block's last layer starts

Tensor normed_relu(const std::shared_ptr<ScaledNorm>& norm, const Tensor& h, const Pass& pass) {
  return (norm ? norm->forward(h, pass) : h).relu();
}

}  // namespace

ScaledNorm::ScaledNorm(const Site& site)
    : moments_(register_module(
          "moments", std::make_shared<RunningMoments>(site.inside("moments", site.input)))) {
  Shape sizes(site.input.size(), 1);
  sizes[0] = site.input[0];
  weight_ = register_parameter("weight", site.constant(sizes, 1));
  bias_ = register_parameter("bias", site.constant(sizes, 0));
}

Tensor ScaledNorm::forward(const Tensor& x, const Pass& pass) {
  auto [mean, variance] = moments_->of(x, pass);
  return (x - mean) * (weight_ * (variance + kInnerNormEpsilon).rsqrt()) + bias_;
}

ResidualBlock::ResidualBlock(const ResidualNetConfig& config, const Site& site)
    : path_(site.path), dropout_(config.dropout) {
  int64_t width = config.hidden;
  auto dense = [&](const char* name, int64_t inputs, int64_t kernel, std::optional<double> bound) {
    return register_module(
        name, std::make_shared<Dense>(site.inside(name, site.input), inputs, width, kernel, bound));
  };
  auto norm = [&](const char* name) {
    return register_module(name, std::make_shared<ScaledNorm>(site.inside(name, site.input)));
  };
  first_ = dense("first", width, 3, {});
  second_ = dense("second", width, 3, kLastOfBlock);
  if (!site.features.empty()) context_ = dense("context", site.features[0], 1, {});
  if (!config.batch_norm) return;
  first_norm_ = norm("first_norm");
  second_norm_ = norm("second_norm");
}

Tensor ResidualBlock::forward(const Tensor& x, const Pass& pass) {
  Tensor h = normed_relu(second_norm_, first_->forward(normed_relu(first_norm_, x, pass)), pass);
  h = second_->forward(dropped_out(h, dropout_, pass, path_ + ".dropout"));
  return x + (context_ ? h * context_->forward(pass.features).sigmoid() : h);
}

ResidualNet::ResidualNet(const ResidualNetConfig& config, const Site& site, int64_t outputs)
    : Conditioner(site) {
  Shape hidden = site.input;
  hidden[0] = config.hidden;
  auto dense = [&](const char* name, int64_t inputs, int64_t its_outputs) {
    return register_module(
        name, std::make_shared<Dense>(site.inside(name, site.input), inputs, its_outputs));
  };
  first_ = dense("first", input_channels(site), config.hidden);
  for (int64_t i = 0; i < config.blocks; ++i) {
    const std::string name = "block" + std::to_string(i);
    blocks_.push_back(
        register_module(name, std::make_shared<ResidualBlock>(config, site.inside(name, hidden))));
  }
  last_ = dense("last", config.hidden, outputs);
}

Tensor ResidualNet::do_forward(const Tensor& x, const Pass& pass) {
  Tensor h = first_->forward(x);
  for (auto& block : blocks_) h = block->forward(h, pass);
  return last_->forward(h);
}

}  // namespace diffeo
