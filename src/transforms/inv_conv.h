#pragma once

#include <vector>

#include "core/enums.h"
#include "transforms/channel_mix.h"
#include "transforms/partition.h"
#include "transforms/transform.h"

namespace diffeo {

enum class MixForm { kPlain, kLu };
template <>
struct EnumNames<MixForm> {
  static constexpr std::array names{std::pair{"plain", MixForm::kPlain},
                                    std::pair{"lu", MixForm::kLu}};
};

// Which parts of an example have a matrix of their own.
enum class MixSplit { kNone, kChannel, kColumns };
template <>
struct EnumNames<MixSplit> {
  static constexpr std::array names{std::pair{"none", MixSplit::kNone},
                                    std::pair{"channel", MixSplit::kChannel},
                                    std::pair{"columns", MixSplit::kColumns}};
};

enum class MixStart { kRotation, kNearIdentity };
template <>
struct EnumNames<MixStart> {
  static constexpr std::array names{std::pair{"rotation", MixStart::kRotation},
                                    std::pair{"near_identity", MixStart::kNearIdentity}};
};

struct InvConvConfig {
  using Builds = class InvConv;
  static constexpr const char* kType = "inv_conv";
  static constexpr const char* kDoc =
      "Glow's invertible 1x1 convolution: a learned matrix over the channels.";
  MixForm form = MixForm::kPlain;
  MixSplit split = MixSplit::kNone;
  MixStart start = MixStart::kRotation;

  template <class Archive>
  void fields(Archive& ar) {
    ar("form", form, "the matrix itself, or its LU factors, whose determinant costs nothing");
    ar("split", split, "one matrix for all, or one for each half of the split (Flow++)");
    ar("start", start,
       "a random rotation (Glow), or the identity and noise of deviation 0.001 (Flow++)");
  }
};

// Invertible linear map over the channels, shared by all positions (Kingma & Dhariwal 2018, section
// 3.2).
class InvConv final : public Transform {
 public:
  InvConv(const InvConvConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

  // forward(x scale + shift), scale and shift [C, 1, 1], at the price of forward(x) alone; nothing
  // where the split stands in the way, or for vectors, whose columns may be so far from zero that
  // shifting them only after they are mixed would cost digits. log_det is that of this layer.
  std::optional<Mapped> forward_scaled(const Tensor& x, const Tensor& scale,
                                       const Tensor& shift) const;

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  std::optional<Partition> partition_;              // none: one matrix for the whole
  std::vector<std::shared_ptr<ChannelMix>> mixes_;  // one, or one for each half
  std::vector<int64_t> positions_;                  // that each of them is applied at
};

}  // namespace diffeo
