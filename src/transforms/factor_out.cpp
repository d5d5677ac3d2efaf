#include "transforms/factor_out.h"

#include <ATen/ATen.h>

#include "transforms/context.h"

namespace diffeo {
namespace {

// Shape of either half.
Shape factored_half(const Shape& input) {
  require(input[0] >= 2, "leaves nothing to go on with: the input has one channel, ",
          to_string(input));
  require(input[0] % 2 == 0, "cannot halve the channels of ", to_string(input));
  Shape half = input;
  half[0] /= 2;
  return half;
}

}  // namespace

FactorOut::FactorOut(const FactorOutConfig& config, const Site& site)
    : Transform(FactorOutConfig::kType, site, factored_half(site.input),
                {factored_half(site.input)}),
      classes_(site.classes) {
  require(site.has_latents,
          "ends a part of the latents, which the noise of a dequantizer and the body of an inverse "
          "do not have");
  Shape image = as_image(output_shape());
  if (config.prior != SplitPrior::kStandard) {
    conv_ = register_module("prior",
                            std::make_shared<ZeroConv>(site.inside("prior", image), 2 * image[0]));
  }
  if (config.prior == SplitPrior::kClass) {
    require_labels(site, "prior");
    labels_ = register_module("labels", std::make_shared<ZeroLinear>(site.inside("labels", image),
                                                                     classes_, 2 * image[0]));
  }
}

Gaussian FactorOut::density(const Tensor& going_on, const Pass& pass) const {
  Tensor h = conv_->forward(going_on.reshape(batched(going_on.size(0), as_image(output_shape()))));
  if (labels_)
    h = h + labels_->forward(one_hot_labels(pass, going_on, classes_)).unsqueeze(2).unsqueeze(3);
  return {h.slice(1, 0, std::nullopt, 2).reshape(going_on.sizes()),
          h.slice(1, 1, std::nullopt, 2).reshape(going_on.sizes())};
}

Mapped FactorOut::do_forward(const Tensor& x, const Pass& pass) {
  std::vector<Tensor> halves = x.chunk(2, 1);
  if (!conv_) return {.value = halves[0], .ended = {halves[1]}};
  return split(x, density(halves[0], pass));
}

Mapped FactorOut::split(const Tensor& x, const Gaussian& prior) const {
  std::vector<Tensor> halves = x.chunk(2, 1);
  Mapped eps = standardised(halves[1], prior);
  return {.value = halves[0], .log_det = eps.log_det, .ended = {eps.value}};
}

// The prior is evaluated once: it reads the half that goes on, and the other is written beside it
// behind autograd's back.
Replayed FactorOut::do_replay(const Tensor& z, at::TensorList ended, const Pass& pass) {
  if (!conv_) return Transform::do_replay(z, ended, pass);
  Tensor input = at::cat({z, ended[0]}, 1).detach().requires_grad_();
  Gaussian prior = density(input.chunk(2, 1)[0], pass);
  {
    at::NoGradGuard no_grad;
    input.variable_data().chunk(2, 1)[1].copy_(unstandardised(ended[0], prior));
  }
  return {input, split(input, prior)};
}

Tensor FactorOut::do_inverse(const Tensor& z, const Pass& pass) {
  return do_inverse_with(z, {}, pass);
}

Tensor FactorOut::do_inverse_with(const Tensor& z, at::TensorList ended, const Pass& pass) {
  return at::cat({z, conv_ ? unstandardised(ended[0], density(z, pass)) : ended[0]}, 1);
}

}  // namespace diffeo
