#include "transforms/factor_out.h"

#include <ATen/ATen.h>

#include "transforms/context.h"

namespace diffeo {

Shape factored_half(const Shape& input) {
  require(input[0] >= 2, "leaves nothing to go on with: the input has one channel, ",
          to_string(input));
  require(input[0] % 2 == 0, "cannot halve the channels of ", to_string(input));
  Shape half = input;
  half[0] /= 2;
  return half;
}

FactorOut::FactorOut(const FactorOutConfig& config, const Site& site, TransformPtr rest)
    : Transform(FactorOutConfig::kType, site, {numel(site.input)}),
      half_(factored_half(site.input)),
      classes_(site.classes) {
  Shape image = as_image(half_);
  if (config.prior != SplitPrior::kStandard) {
    conv_ = register_module("prior",
                            std::make_shared<ZeroConv>(site.inside("prior", image), 2 * image[0]));
  }
  if (config.prior == SplitPrior::kClass) {
    require_labels(site, "prior");
    labels_ = register_module("labels", std::make_shared<ZeroLinear>(site.inside("labels", image),
                                                                     classes_, 2 * image[0]));
  }
  rest_ = register_module("rest", std::move(rest));
}

std::vector<Shape> FactorOut::latent_shapes() const {
  std::vector<Shape> shapes = rest_->latent_shapes();
  shapes.insert(shapes.begin(), half_);
  return shapes;
}

Gaussian FactorOut::density(const Tensor& going_on, const Pass& pass) const {
  Tensor h = conv_->forward(going_on.reshape(batched(going_on.size(0), as_image(half_))));
  if (labels_)
    h = h + labels_->forward(one_hot_labels(pass, going_on, classes_)).unsqueeze(2).unsqueeze(3);
  return {h.slice(1, 0, std::nullopt, 2).reshape(going_on.sizes()),
          h.slice(1, 1, std::nullopt, 2).reshape(going_on.sizes())};
}

Mapped FactorOut::do_forward(const Tensor& x, const Pass& pass) {
  std::vector<Tensor> halves = x.chunk(2, 1);
  Mapped ended{halves[1], zero_log_det(x)};
  if (conv_) ended = standardised(halves[1], density(halves[0], pass));
  auto [z, log_det] = rest_->forward(halves[0], pass);
  return {at::cat({ended.value.flatten(1), z.flatten(1)}, 1), ended.log_det + log_det};
}

Tensor FactorOut::do_inverse(const Tensor& z, const Pass& pass) {
  std::vector<Tensor> halves = z.chunk(2, 1);
  Tensor going_on =
      rest_->inverse(halves[1].reshape(batched(z.size(0), rest_->output_shape())), pass);
  Tensor ended = halves[0].reshape(going_on.sizes());
  return at::cat({going_on, conv_ ? unstandardised(ended, density(going_on, pass)) : ended}, 1);
}

}  // namespace diffeo
