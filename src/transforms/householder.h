#pragma once

#include "core/range.h"
#include "transforms/transform.h"

namespace diffeo {

struct HouseholderConfig {
  using Builds = class Householder;
  static constexpr const char* kType = "householder";
  static constexpr const char* kDoc =
      "A learned rotation or reflection of the channels, or of a vector's entries, as a product of "
      "Householder reflections.";
  int64_t reflections = 8;

  template <class Archive>
  void fields(Archive& ar) {
    ar("reflections", reflections, "how many; as many as there are channels reach every rotation",
       between(1, 65536));
  }
};

// x -> x - 2 (x.q) q / (q.q) for each of the vectors q in order, over the channels at each position
// (Tomczak & Welling 2016, section 3; nflows, HouseholderSequence). Keeps volumes; the inverse
// reflects in the reverse order. The vectors start at N(0, 1), in directions without preference.
class Householder final : public Transform {
 public:
  Householder(const HouseholderConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;

  Tensor vectors_;  // [reflections, C]
};

}  // namespace diffeo
