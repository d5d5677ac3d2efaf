#pragma once

#include "core/enums.h"
#include "nets/zero_layers.h"
#include "transforms/prior.h"
#include "transforms/transform.h"

namespace diffeo {

enum class SplitPrior { kStandard, kLearned, kClass };
template <>
struct EnumNames<SplitPrior> {
  static constexpr std::array names{std::pair{"standard", SplitPrior::kStandard},
                                    std::pair{"learned", SplitPrior::kLearned},
                                    std::pair{"class", SplitPrior::kClass}};
};

struct FactorOutConfig {
  static constexpr const char* kType = "factor_out";
  static constexpr const char* kDoc =
      "Ends the last half of the channels here; the rest of the list works on the first half.";
  SplitPrior prior = SplitPrior::kStandard;

  template <class Archive>
  void fields(Archive& ar) {
    ar("prior", prior,
       "of the ended half: standard, learned from the other half, or from that and the class");
  }
};

// Ends the last half of the channels here and sends the first half on through `rest`, as RealNVP's
// and Glow's code do. The output is flat, [D]: the ended half, then the output of `rest`. A learned
// prior of the ended half is a normal density whose mean and log deviation (interleaved) a
// convolution computes from the first half (openai/glow, split2d); the class adds a linear map of
// the one-hot label.
class FactorOut final : public Transform {
 public:
  FactorOut(const FactorOutConfig& config, const Site& site, TransformPtr rest);
  bool stochastic() const override { return rest_->stochastic(); }
  std::vector<Shape> latent_shapes() const override;
  const TransformPtr& rest() const { return rest_; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Gaussian density(const Tensor& going_on, const Pass& pass) const;

  Shape half_;
  int64_t classes_;
  std::shared_ptr<ZeroConv> conv_;      // null: a standard normal
  std::shared_ptr<ZeroLinear> labels_;  // null: the same for all classes
  TransformPtr rest_;
};

// Shape of either half. Throws when the channels cannot be halved.
Shape factored_half(const Shape& input);

}  // namespace diffeo
