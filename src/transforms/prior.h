#pragma once

#include "core/range.h"
#include "nets/zero_layers.h"
#include "transforms/transform.h"

namespace diffeo {

// Mean and log of the deviation of a normal density.
struct Gaussian {
  Tensor mean, log_deviation;  // each [B, ...]
};

// A learned normal prior is an affine map to the standard one: eps = (z - mean)
// exp(-log_deviation), whose log_det is the sum of -log_deviation. So every latent of a flow is
// standard, whatever prior it had.
Mapped standardised(const Tensor& z, const Gaussian& prior);
Tensor unstandardised(const Tensor& eps, const Gaussian& prior);

// A vector's shape as that of an image with one pixel; an image's as it is.
Shape as_image(const Shape& shape);

struct PriorConfig {
  using Builds = class Prior;
  static constexpr const char* kType = "prior";
  static constexpr const char* kDoc =
      "A learned normal prior for what reaches the end of the list (Glow's top prior).";
  bool learned = false;
  bool classes = false;
  double classifier_weight = 0;

  bool samples_by_class() const { return classes; }

  template <class Archive>
  void fields(Archive& ar) {
    ar("learned", learned, "learn mean and deviation");
    ar("classes", classes, "let both depend on the class");
    ar("classifier_weight", classifier_weight,
       "weight of a linear classifier's cross-entropy, which is added to the objective; needs "
       "labels",
       at_least(0));
  }
};

// z -> (z - mean) / deviation, with mean and log deviation from a convolution of an all-zero image,
// of which only the bias and the edge channel act, plus a linear map of the one-hot label
// (openai/glow, prior()). All start at zero. With a classifier weight, forward has an auxiliary
// term "class", where the pass has labels: weight times the cross-entropy of a linear classifier on
// z's spatial mean.
class Prior final : public Transform {
 public:
  Prior(const PriorConfig& config, const Site& site);
  // The classifier's term hangs on z alone, exactly.
  bool rebuilds_input() const override { return !classifier_; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Gaussian density(const Tensor& like, const Pass& pass) const;
  Tensor class_loss(const Tensor& z, const Tensor& labels) const;  // [B], weighted

  Shape image_;  // of z, [C, H, W]
  int64_t classes_;
  double classifier_weight_;
  std::shared_ptr<ZeroConv> conv_;          // null: not learned
  std::shared_ptr<ZeroLinear> labels_;      // null: the same for all classes
  std::shared_ptr<ZeroLinear> classifier_;  // null: none
};

}  // namespace diffeo
