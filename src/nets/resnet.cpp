#include "nets/resnet.h"

#include <ATen/ATen.h>

#include <cmath>

namespace diffeo {
namespace {

using ConvForm = WeightNormConv::Form;

Tensor normalised_relu(const std::shared_ptr<ShiftNorm>& norm, const Tensor& h, const Pass& pass) {
  return norm ? norm->normalised_relu(h, pass) : h.relu();
}

}  // namespace

WeightNormConv::WeightNormConv(const Site& site, int64_t inputs, int64_t outputs, Form form) {
  double bound = std::sqrt(2.0 / static_cast<double>(inputs));
  double fan_in = static_cast<double>(inputs * form.kernel * form.kernel);
  weight_ = register_parameter(
      "weight", site.uniform("weight", {outputs, inputs, form.kernel, form.kernel}, bound));
  if (form.magnitude) {
    magnitude_ =
        register_parameter("magnitude", site.constant({outputs}, bound * std::sqrt(fan_in / 12)));
  }
  if (form.bias) bias_ = register_parameter("bias", site.constant({outputs}, 0));
}

Tensor WeightNormConv::forward(const Tensor& x) const {
  Tensor scale = weight_.square().sum({1, 2, 3}).rsqrt();
  if (magnitude_.defined()) scale = scale * magnitude_;
  return at::conv2d(x, weight_ * scale.view({-1, 1, 1, 1}), bias_, /*stride=*/1,
                    /*padding=*/weight_.size(2) / 2);
}

ResNet::ResNet(const ResNetConfig& config, const Site& site, int64_t outputs) : Conditioner(site) {
  require_image(site, ResNetConfig::kType);
  int64_t width = config.hidden;
  Shape hidden = site.input;
  hidden[0] = width;
  auto conv = [&](const std::string& name, int64_t inputs, int64_t channels, ConvForm form) {
    return register_module(
        name, std::make_shared<WeightNormConv>(site.inside(name, hidden), inputs, channels, form));
  };
  auto norm = [&](const std::string& name) {
    return config.batch_norm
               ? register_module(name, std::make_shared<ShiftNorm>(site.inside(name, hidden)))
               : nullptr;
  };
  constexpr ConvForm skip{.kernel = 1, .magnitude = true, .bias = true};
  int64_t inputs = site.input[0] + input_channels(site);  // the input twice over, the features once
  first_ = conv("first", inputs, width, {.kernel = 3, .magnitude = false, .bias = true});
  first_skip_ = conv("first_skip", width, width, skip);
  for (int64_t i = 0; i < config.blocks; ++i) {
    const std::string block = "block" + std::to_string(i) + "_";
    blocks_.push_back(
        {norm(block + "norm_in"),
         conv(block + "mid", width, width,
              {.kernel = 3, .magnitude = false, .bias = !config.batch_norm}),
         norm(block + "norm_mid"),
         conv(block + "out", width, width, {.kernel = 3, .magnitude = true, .bias = true}),
         conv(block + "skip", width, width, skip)});
  }
  last_norm_ = norm("last_norm");
  last_ = conv("last", width, outputs, skip);
}

Tensor ResNet::read(const Tensor& x, const Tensor& features) const {
  return Conditioner::read(at::cat({x, -x}, 1).relu(), features)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor ResNet::do_forward(const Tensor& x, const Pass& pass) {
  Tensor h = first_->forward(x);
  Tensor sum = first_skip_->forward(h);
  for (const Block& block : blocks_) {
    Tensor mid = block.mid->forward(normalised_relu(block.norm_in, h, pass));
    h = block.out->forward(normalised_relu(block.norm_mid, mid, pass)).add_(h);
    sum = block.skip->forward(h).add_(sum);
  }
  return last_->forward(normalised_relu(last_norm_, sum, pass));
}

}  // namespace diffeo
