#pragma once

#include <vector>

#include "transforms/transform.h"

namespace diffeo {

// What a chain passes in one go: a layer, or two that join.
struct Link {
  size_t layers;  // how many
  Mapped out;
};

// A chain: applies layers in order. Neighbours must agree on their shapes; each is registered under
// the last name of its path. Ends what its layers end, in their order.
class Sequence final : public Transform {
 public:
  Sequence(const Site& site, std::vector<TransformPtr> layers);
  bool stochastic() const override;
  const std::vector<TransformPtr>& layers() const { return layers_; }

  // forward() of layer i, together with the next where they join.
  Link forward_from(size_t i, const Tensor& x, const Pass& pass);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor do_inverse_with(const Tensor& z, at::TensorList ended, const Pass& pass) override;
  Mapped do_inverse_with_log_det(const Tensor& z, const Pass& pass) override;

  std::vector<TransformPtr> layers_;
};

}  // namespace diffeo
