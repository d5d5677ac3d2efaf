#pragma once

#include <optional>
#include <vector>

#include "nets/nets.h"
#include "transforms/partition.h"
#include "transforms/transform.h"

namespace diffeo {

struct Layer;

struct FeaturesConfig {
  static constexpr const char* kDoc = "Features of the image for the noise layers.";
  Split split = Split::kChannel;
  int64_t channels = 16;
  ConditionerConfig net;

  template <class Archive>
  void fields(Archive& ar) {
    ar("split", split,
       "the image's halves of this split are stacked before the net reads them, so that couplings "
       "of the same split "
       "find features of their halves' size");
    ar("channels", channels, "channels of the features", between(1, 65536));
    ar.required("net", net, "the network that computes them");
  }
};

struct DequantizeConfig {
  using Builds = class Dequantize;
  static constexpr const char* kType = "dequantize";
  static constexpr const char* kDoc =
      "Turns whole numbers into reals by adding noise, uniform or from a flow of its own.";
  int64_t bits = 8;
  int64_t data_bits = 8;
  std::vector<double> range = {0, 1};
  std::vector<Layer> noise;
  std::optional<FeaturesConfig> features;

  template <class Archive>
  void fields(Archive& ar);  // layers.h: needs Layer complete
};

// Turns integers 0 .. 2^data_bits - 1 into reals in [low, high): of the data's bits the leading
// `bits` are kept, then z = low + (high - low) (x + u) / 2^bits. Without `noise` layers u is
// uniform; with them they map N(0, I), conditioned on x, to u, and must end in a sigmoid (Ho et al.
// 2019, section 3.1). log_det is -log q(u | x) and the bins' constant. In a centred pass u is 0.5
// and log_det, which is no bound then, the bins' constant alone. The inverse gives the whole number
// at the foot of the bin, or the end of the data's range that a z outside is nearer to.
class Dequantize final : public Transform {
 public:
  Dequantize(const DequantizeConfig& config, const Site& site);
  bool stochastic() const override { return true; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Mapped draw_noise(const Tensor& bins, const Pass& pass);  // u in [0, 1) and -log q(u | x)
  Tensor stacked(const Tensor& x) const;  // the image as the features' net reads it
  void build_noise(const DequantizeConfig& config, const Site& site);

  double bins_;     // 2^bits
  double per_bin_;  // values of the data that share a bin
  double low_, width_;
  Split feature_split_ = Split::kChannel;
  TransformPtr noise_;                     // null: uniform
  std::shared_ptr<Conditioner> features_;  // null: none
};

}  // namespace diffeo
