#pragma once

#include "core/enums.h"
#include "transforms/transform.h"

namespace diffeo {

// Where the pixel (row, column) of a 2x2 cell and its channel c go among the 4C channels:
//   channel         4 c + 2 row + column                        (RealNVP, Glow)
//   space_to_depth  (2 row + column) C + c                      (TensorFlow, Flow++)
//   diagonal        cells in the order (0,0), (1,1), (0,1), (1,0), each with all C channels, so
//                   that the first half is the main diagonal    (RealNVP, before factoring out)
enum class SqueezeOrder { kChannel, kSpaceToDepth, kDiagonal };
template <>
struct EnumNames<SqueezeOrder> {
  static constexpr std::array names{std::pair{"channel", SqueezeOrder::kChannel},
                                    std::pair{"space_to_depth", SqueezeOrder::kSpaceToDepth},
                                    std::pair{"diagonal", SqueezeOrder::kDiagonal}};
};

struct SqueezeConfig {
  using Builds = class Squeeze;
  static constexpr const char* kType = "squeeze";
  static constexpr bool kKeepsShape = false, kOnlyMoves = true;
  static constexpr const char* kDoc =
      "Trades resolution for channels: [C, H, W] -> [4C, H/2, W/2].";
  SqueezeOrder order = SqueezeOrder::kChannel;

  template <class Archive>
  void fields(Archive& ar) {
    ar("order", order, "how the four pixels of a cell become channels");
  }
};

// [C, H, W] -> [4C, H/2, W/2].
class Squeeze final : public Transform {
 public:
  Squeeze(const SqueezeConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  SqueezeOrder order_;
};

struct UnsqueezeConfig {
  using Builds = class Unsqueeze;
  static constexpr const char* kType = "unsqueeze";
  static constexpr bool kKeepsShape = false, kOnlyMoves = true;
  static constexpr const char* kDoc =
      "Undoes a squeeze of the same order: [4C, H, W] -> [C, 2H, 2W].";
  SqueezeOrder order = SqueezeOrder::kChannel;

  template <class Archive>
  void fields(Archive& ar) {
    ar("order", order, "of the squeeze it undoes");
  }
};

// [4C, H, W] -> [C, 2H, 2W].
class Unsqueeze final : public Transform {
 public:
  Unsqueeze(const UnsqueezeConfig& config, const Site& site);
  bool rebuilds_input() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  SqueezeOrder order_;
};

}  // namespace diffeo
