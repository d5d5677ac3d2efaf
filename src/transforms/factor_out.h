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
  using Builds = class FactorOut;
  static constexpr const char* kType = "factor_out";
  static constexpr bool kKeepsShape = false;
  static constexpr const char* kDoc =
      "Ends the last half of the channels here; the layers after it work on the first half.";
  SplitPrior prior = SplitPrior::kStandard;

  bool samples_by_class() const { return prior == SplitPrior::kClass; }

  template <class Archive>
  void fields(Archive& ar) {
    ar("prior", prior,
       "of the ended half: standard, learned from the other half, or from that and the class");
  }
};

// Ends the last half of the channels and sends the first half on, as RealNVP's and Glow's code do.
// A learned prior of the ended half is a normal density whose mean and log deviation (interleaved)
// a convolution computes from the first half (openai/glow, split2d); the class adds a linear map of
// the one-hot label. Throws when the channels cannot be halved, and where no part of the latents
// can end.
class FactorOut final : public Transform {
 public:
  FactorOut(const FactorOutConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor do_inverse_with(const Tensor& z, at::TensorList ended, const Pass& pass) override;
  Replayed do_replay(const Tensor& z, at::TensorList ended, const Pass& pass) override;
  Mapped split(const Tensor& x, const Gaussian& prior) const;
  Gaussian density(const Tensor& going_on, const Pass& pass) const;

  int64_t classes_;
  std::shared_ptr<ZeroConv> conv_;      // null: a standard normal
  std::shared_ptr<ZeroLinear> labels_;  // null: the same for all classes
};

}  // namespace diffeo
