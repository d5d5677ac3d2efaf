#include "transforms/prior.h"

#include <ATen/ATen.h>

#include "transforms/context.h"

namespace diffeo {

Mapped standardised(const Tensor& z, const Gaussian& prior) {
  return {(z - prior.mean) * (-prior.log_deviation).exp(), -sum_events(prior.log_deviation)};
}

Tensor unstandardised(const Tensor& eps, const Gaussian& prior) {
  return eps * prior.log_deviation.exp() + prior.mean;
}

Shape as_image(const Shape& shape) { return shape.size() == 3 ? shape : Shape{numel(shape), 1, 1}; }

Prior::Prior(const PriorConfig& config, const Site& site)
    : Transform(PriorConfig::kType, site, site.input),
      image_(as_image(site.input)),
      classes_(site.classes),
      classifier_weight_(config.classifier_weight) {
  int64_t channels = image_[0];
  Shape twice = image_;
  twice[0] *= 2;
  auto linear = [&](const char* name, int64_t inputs, int64_t outputs) {
    return register_module(
        name, std::make_shared<ZeroLinear>(site.inside(name, image_), inputs, outputs));
  };
  if (config.learned)
    conv_ =
        register_module("conv", std::make_shared<ZeroConv>(site.inside("conv", twice), twice[0]));
  if (config.classes) {
    require_labels(site, "classes");
    labels_ = linear("labels", classes_, twice[0]);
  }
  if (classifier_weight_ > 0) {
    require_labels(site, "classifier_weight");
    classifier_ = linear("classifier", channels, classes_);
  }
}

Gaussian Prior::density(const Tensor& like, const Pass& pass) const {
  Shape twice = image_;
  twice[0] *= 2;
  Tensor h = like.new_zeros(batched(like.size(0), twice));
  if (conv_) h = h + conv_->at_zero();
  if (labels_)
    h = h + labels_->forward(one_hot_labels(pass, like, classes_)).unsqueeze(2).unsqueeze(3);
  std::vector<Tensor> halves = h.chunk(2, 1);
  return {halves[0].reshape(like.sizes()), halves[1].reshape(like.sizes())};
}

Tensor Prior::class_loss(const Tensor& z, const Tensor& labels) const {
  Tensor logits =
      classifier_->forward(z.reshape(batched(z.size(0), image_)).mean(at::IntArrayRef{2, 3}));
  Tensor chosen = logits.log_softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1);
  return -classifier_weight_ * chosen;
}

Mapped Prior::do_forward(const Tensor& x, const Pass& pass) {
  Mapped out = standardised(x, density(x, pass));
  require(!classifier_ || pass.labels.defined() || pass.mode != Mode::kTrain, path(),
          ": its classifier needs labels, but this pass has none (Pass::labels)");
  if (classifier_ && pass.labels.defined()) out.auxiliary["class"] = class_loss(x, pass.labels);
  return out;
}

Tensor Prior::do_inverse(const Tensor& z, const Pass& pass) {
  return unstandardised(z, density(z, pass));
}

}  // namespace diffeo
