#include "nets/mlp.h"

#include <ATen/ATen.h>

#include <cmath>

#include "kernels/shifted_relu.h"

namespace diffeo {

Mlp::Mlp(const MlpConfig& config, const Site& site, int64_t outputs) : Conditioner(site) {
  require_vector(site, MlpConfig::kType);
  bool nice = config.start == MlpStart::kNice;
  int64_t inputs = input_channels(site);
  for (int64_t i = 0; i < config.depth; ++i) {
    double bound = nice ? 0.01 : 1 / std::sqrt(static_cast<double>(inputs));
    layers_.push_back(dense(site, inputs, config.hidden, bound, nice ? 0 : bound));
    inputs = config.hidden;
  }
  layers_.push_back(dense(site, inputs, outputs, nice ? 0.01 : 0, 0));
}

Mlp::Dense Mlp::dense(const Site& site, int64_t inputs, int64_t outputs, double bound,
                      double bias_bound) {
  const std::string number = std::to_string(layers_.size()), weight = "weight" + number,
                    bias = "bias" + number;
  return {register_parameter(weight, site.uniform(weight, {outputs, inputs}, bound)),
          register_parameter(bias, site.uniform(bias, {outputs}, bias_bound))};
}

Tensor Mlp::do_forward(const Tensor& x, const Pass&) {
  Tensor h = x;
  for (size_t i = 0; i + 1 < layers_.size(); ++i)
    h = pointwise_relu(h, layers_[i].weight, layers_[i].bias);
  return at::linear(h, layers_.back().weight, layers_.back().bias);
}

}  // namespace diffeo
