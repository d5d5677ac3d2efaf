#pragma once

#include "transforms/transform.h"

namespace diffeo {

struct LuLinearConfig {
  using Builds = class LuLinear;
  static constexpr const char* kType = "lu_linear";
  static constexpr const char* kDoc =
      "An affine map of the channels, or of a vector's entries, by the product of a lower and an "
      "upper triangular matrix.";
};

// y = L U x + b over the channels at each position: L unit lower triangular, U upper triangular
// with the diagonal softplus(d) + 1e-3 (nflows, LULinear and OneByOneConvolution). Started at the
// identity. Forward and inverse cost the same: two triangular products, or solutions.
class LuLinear final : public Transform {
 public:
  LuLinear(const LuLinearConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor diagonal() const;  // of U
  Tensor lower() const;     // L, [C, C]
  Tensor upper() const;     // U, [C, C]

  Tensor lower_, upper_;  // entries beside the diagonals, row by row: [C (C - 1) / 2]
  Tensor raw_diagonal_;   // d, [C]
  Tensor bias_;           // [C]
};

}  // namespace diffeo
