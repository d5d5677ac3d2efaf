#pragma once

#include "nets/nets.h"
#include "transforms/context.h"
#include "transforms/elementwise.h"
#include "transforms/partition.h"
#include "transforms/transform.h"

namespace diffeo {

struct CouplingConfig {
  using Builds = class Coupling;
  static constexpr const char* kType = "coupling";
  static constexpr const char* kDoc =
      "Keeps one half and changes the other elementwise, with numbers a network computes from the "
      "kept half.";
  Split split = Split::kChannel;
  Keep keep = Keep::kFirst;
  Context context = Context::kNone;
  bool batch_norm = false;
  MapConfig map;
  std::optional<MapConfig> kept_map = {};
  ConditionerConfig net;

  bool samples_by_class() const { return context == Context::kClass; }

  template <class Archive>
  void fields(Archive& ar) {
    ar("split", split, "how the example is halved");
    ar("keep", keep, "which half stays as it is and conditions the other");
    ar("context", context, "what the network reads beside the kept half");
    ar("batch_norm", batch_norm,
       "RealNVP's: normalise the network's input and the changed half, as part of the flow");
    ar("map", map, "the elementwise map");
    ar("kept_map", kept_map,
       "a map with learned numbers of its own for the kept half, which the network reads as it was "
       "before");
    ar.required("net", net, "the network");
  }
};

// Keeps one half of its input and changes the other elementwise, with numbers that a network
// computes from the half it keeps (Dinh et al. 2017, section 3.2). With batch norm, the changed
// half is then normalised, which counts in log_det; the inverse undoes that by the running moments
// in every mode, while the network's own norms follow the mode (laurent-dinh/models, real_nvp).
// With a kept_map the other half is mapped too, but by learned numbers alone (Durkan et al. 2019).
class Coupling : public Transform {
 public:
  Coupling(const CouplingConfig& config, const Site& site);
  Tensor inverse_evaluations(const Tensor& z, const Pass& pass) override;
  // Not with moments of the batch, by which no inverse goes.
  bool rebuilds_input() const override {
    return !moments_ && !kept_map_ && map_->inverts_to_rounding();
  }
  std::optional<OutsideDomain> outside_domain(const Tensor& x) const override;

 protected:
  // What a coupling is made of, the network's own input aside.
  struct Parts {
    Partition partition;
    Context context;
    bool batch_norm;
    bool masked;
    const MapConfig& map;
    const std::optional<MapConfig>& kept_map;
    const ConditionerConfig& net;
  };
  Coupling(const char* type, const Parts& parts, const Site& site);

  // The network's raw output for the half that is changed.
  virtual Tensor parameters(const Tensor& kept, const Pass& pass);
  Tensor context_for(const Tensor& input, const Pass& pass) const;  // undefined: none

  Partition partition_;
  std::shared_ptr<Conditioner> net_;
  std::shared_ptr<ShiftNorm> net_norm_;  // of the network's input; null: none

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Mapped do_inverse_with_log_det(const Tensor& z, const Pass& pass) override;
  Replayed do_replay(const Tensor& z, at::TensorList ended, const Pass& pass) override;
  void normalise(Mapped& changed, const Pass& pass);

  // What an inverse needs.
  struct Undoing {
    Tensor kept, after, raw;
  };
  Undoing undoing(const Tensor& z, const Pass& pass);

  Context context_;
  Shape context_shape_;
  std::shared_ptr<ElementwiseMap> map_;
  std::shared_ptr<LearnedMap> kept_map_;     // null: the kept half stays as it is
  std::shared_ptr<RunningMoments> moments_;  // of the changed half; null: none
  double share_;  // of the entries counted in the moments that are changed
};

enum class Cells { kEven, kOdd };
template <>
struct EnumNames<Cells> {
  static constexpr std::array names{std::pair{"even", Cells::kEven}, std::pair{"odd", Cells::kOdd}};
};

struct MaskedCouplingConfig {
  using Builds = class MaskedCoupling;
  static constexpr const char* kType = "masked_coupling";
  static constexpr const char* kDoc =
      "RealNVP's checkerboard coupling: the network reads the whole image with the other cells "
      "masked out, and the "
      "mask.";
  Cells keep = Cells::kEven;
  Context context = Context::kNone;
  bool batch_norm = false;
  MapConfig map;
  ConditionerConfig net;

  bool samples_by_class() const { return context == Context::kClass; }

  template <class Archive>
  void fields(Archive& ar) {
    ar("keep", keep, "the cells that stay, by the parity of row + column");
    ar("context", context, "what the network reads beside the masked image");
    ar("batch_norm", batch_norm,
       "RealNVP's: normalise the network's input and the changed cells, as part of the flow");
    ar("map", map, "the elementwise map");
    ar.required("net", net, "the network");
  }
};

// A checkerboard coupling whose network reads the whole image, zero where it is changed, with the
// mask as one more channel, and writes numbers for every cell, of which only the changed ones' are
// used. The batch norms count the masked zeros; what they give the network is doubled
// (laurent-dinh/models, real_nvp).
class MaskedCoupling final : public Coupling {
 public:
  MaskedCoupling(const MaskedCouplingConfig& config, const Site& site);

 private:
  Tensor parameters(const Tensor& kept, const Pass& pass) override;

  Tensor mask_;  // [1, H, W], 1 where kept
};

}  // namespace diffeo
