#pragma once

#include "core/range.h"
#include "transforms/transform.h"

namespace diffeo {

struct SvdConfig {
  using Builds = class Svd;
  static constexpr const char* kType = "svd";
  static constexpr const char* kDoc =
      "An affine map of the channels, or of a vector's entries: reflections, a scale for each, "
      "reflections.";
  int64_t reflections = 8;

  template <class Archive>
  void fields(Archive& ar) {
    ar("reflections", reflections, "of each of the two orthogonal factors", between(1, 65536));
  }
};

// y = Q1 S Q2 x + b over the channels at each position: S diagonal, softplus(d) + 1e-3, Q1 and Q2
// products of Householder reflections (nflows, SVDLinear). S starts at the identity, and Q1 undoes
// Q2.
class Svd final : public Transform {
 public:
  Svd(const SvdConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  Tensor raw_diagonal_;   // d, [C]
  Tensor outer_, inner_;  // reflections of Q1 and Q2, [K, C]
  Tensor bias_;           // [C]
};

}  // namespace diffeo
