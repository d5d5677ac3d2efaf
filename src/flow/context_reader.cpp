#include "flow/context_reader.h"

#include <ATen/ATen.h>

namespace diffeo {

ContextReader::ContextReader(const ContextConfig& config, const Site& site)
    : columns_(site.input[0]), outputs_(config.net ? config.outputs : columns_) {
  if (config.standardise) {
    mean_ = register_buffer("mean", site.constant({columns_}, 0));
    deviation_ = register_buffer("deviation", site.constant({columns_}, 1));
    start_.emplace(*this, site);
  }
  if (config.net)
    net_ = register_module("net",
                           make_conditioner(*config.net, site.inside("net", site.input), outputs_));
}

void ContextReader::initialise(const Tensor& context) {
  at::NoGradGuard no_grad;
  Tensor mean = context.mean(0), deviation = (context - mean).square().mean(0).sqrt();
  mean_.copy_(mean);
  deviation_.copy_(at::where(deviation > 0, deviation, at::ones_like(deviation)));
  start_->set();
}

Tensor ContextReader::forward(const Pass& pass) {
  require(pass.features.defined() && pass.features.dim() == 2 && pass.features.size(1) == columns_,
          "this flow is conditioned on ", columns_, " context column", columns_ == 1 ? "" : "s",
          ", but this pass has ",
          pass.features.defined() ? to_string(pass.features.sizes().vec()) : "none");
  Tensor context = pass.features;
  if (start_) {
    if (pass.mode == Mode::kInitialise) initialise(context);
    start_->require_set();
    context = (context - mean_) / deviation_;
  }
  return net_ ? net_->forward(context, pass.with_features({})) : context;
}

}  // namespace diffeo
