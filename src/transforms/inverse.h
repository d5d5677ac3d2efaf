#pragma once

#include <vector>

#include "transforms/sequence.h"

namespace diffeo {

struct Layer;

struct InverseConfig {
  using Builds = class Inverse;
  static constexpr const char* kType = "inverse";
  static constexpr const char* kDoc =
      "The layers of its body the other way round: what maps them from noise to data maps here "
      "from "
      "data to noise.";
  std::vector<Layer> body;

  bool samples_by_class() const;

  template <class Archive>
  void fields(Archive& ar);  // layers.h: needs Layer complete
};

// z = g^-1(x), g the body: of an autoregressive body an inverse autoregressive flow, whose samples
// take one pass and whose densities go coordinate by coordinate (Kingma et al. 2016). Layers that
// start from data start as if the data were what the body is given. Throws where the body changes
// the shape, or ends a part of the latents.
class Inverse final : public Transform {
 public:
  Inverse(const InverseConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Mapped do_inverse_with_log_det(const Tensor& z, const Pass& pass) override;

  std::shared_ptr<Sequence> body_;
};

}  // namespace diffeo
