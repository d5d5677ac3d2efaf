#pragma once

#include "core/enums.h"
#include "core/range.h"
#include "nets/channel_norm.h"
#include "transforms/transform.h"

namespace diffeo {

enum class ActNormPer { kChannel, kPosition };
template <>
struct EnumNames<ActNormPer> {
  static constexpr std::array names{std::pair{"channel", ActNormPer::kChannel},
                                    std::pair{"position", ActNormPer::kPosition}};
};

struct ActNormConfig {
  using Builds = class ActNorm;
  static constexpr const char* kType = "actnorm";
  static constexpr const char* kDoc =
      "Affine map started so that the first batch leaves it with mean 0 and deviation 1.";
  ActNormPer per = ActNormPer::kChannel;

  template <class Archive>
  void fields(Archive& ar) {
    ar("per", per,
       "one scale and shift for each channel (Glow), or for each channel at each position "
       "(Flow++)");
  }
};

// An affine map of each element, set by mode initialise to give the batch zero mean and unit
// deviation (Kingma & Dhariwal 2018, section 3.1). Per channel: ChannelNorm, in the form of
// openai/glow. Per position: y = x g + b, the gain stored as it is, with moments over the batch
// alone (flowpp, class Norm).
class ActNorm final : public Transform {
 public:
  ActNorm(const ActNormConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

  // Joins an inv_conv behind it, whose matrix takes the scale in.
  std::optional<Mapped> forward_with(Transform& next, const Tensor& x, const Pass& pass) override;

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  Tensor log_det_of(int64_t examples) const;  // of the norm by channel, [B]

  std::shared_ptr<ChannelNorm> channels_;  // one of the two is null
  std::shared_ptr<class PositionNorm> positions_;
};

}  // namespace diffeo
