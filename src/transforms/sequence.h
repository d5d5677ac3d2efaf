#pragma once

#include <vector>

#include "transforms/transform.h"

namespace diffeo {

// A chain: applies layers in order. Neighbours must agree on their shapes; each is registered under
// the last name of its path. Ends what its layers end, in their order.
class Sequence final : public Transform {
 public:
  Sequence(const Site& site, std::vector<TransformPtr> layers);
  bool stochastic() const override;
  const std::vector<TransformPtr>& layers() const { return layers_; }

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  std::optional<Mapped> forward_of_two(size_t i, const Tensor& x, const Pass& pass);
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor do_inverse_with(const Tensor& z, at::TensorList ended, const Pass& pass) override;
  Mapped do_inverse_with_log_det(const Tensor& z, const Pass& pass) override;

  std::vector<TransformPtr> layers_;
};

}  // namespace diffeo
