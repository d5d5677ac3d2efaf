#pragma once

#include "core/range.h"
#include "transforms/transform.h"

namespace diffeo {

struct QrConfig {
  using Builds = class Qr;
  static constexpr const char* kType = "qr";
  static constexpr const char* kDoc =
      "An affine map of the channels, or of a vector's entries: an upper triangular matrix, then "
      "Householder reflections.";
  int64_t reflections = 8;

  template <class Archive>
  void fields(Archive& ar) {
    ar("reflections", reflections, "of the orthogonal factor", between(1, 65536));
  }
};

// y = Q R x + b over the channels at each position: R upper triangular with the diagonal exp(d), Q
// a product of Householder reflections (nflows, QRLinear). R starts at the identity.
class Qr final : public Transform {
 public:
  Qr(const QrConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor upper() const;  // R, [C, C]

  Tensor upper_;         // entries above R's diagonal, row by row: [C (C - 1) / 2]
  Tensor log_diagonal_;  // d, [C]
  Tensor vectors_;       // of the reflections, [K, C]
  Tensor bias_;          // [C]
};

}  // namespace diffeo
