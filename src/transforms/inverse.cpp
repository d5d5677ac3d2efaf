#include "transforms/inverse.h"

#include <ATen/ATen.h>

#include "transforms/layers.h"

namespace diffeo {
namespace {

std::shared_ptr<Sequence> built_body(const std::vector<Layer>& layers, const Site& site) {
  Site inside = site.inside("body", site.input);
  inside.has_latents = false;
  return build_layers(layers, inside);
}

}  // namespace

bool InverseConfig::samples_by_class() const { return diffeo::samples_by_class(body); }

Inverse::Inverse(const InverseConfig& config, const Site& site)
    : Transform(InverseConfig::kType, site, site.input),
      body_(register_module("body", built_body(config.body, site))) {
  require(body_->output_shape() == site.input, "body: makes ", to_string(body_->output_shape()),
          " of ", to_string(site.input), "; an inverse needs layers that keep the shape");
  require(!body_->stochastic(), "body: a layer that draws noise has no inverse with a density");
}

Mapped Inverse::do_forward(const Tensor& x, const Pass& pass) {
  if (pass.mode == Mode::kInitialise) body_->forward(x, pass);
  return body_->inverse_with_log_det(x, pass);
}

Tensor Inverse::do_inverse(const Tensor& z, const Pass& pass) {
  return body_->forward(z, pass).value;
}

Mapped Inverse::do_inverse_with_log_det(const Tensor& z, const Pass& pass) {
  return body_->forward(z, pass);
}

}  // namespace diffeo
