#pragma once

#include "core/enums.h"
#include "core/range.h"
#include "transforms/lu.h"
#include "transforms/transform.h"

namespace diffeo {

enum class LinearForm { kDense, kTrilPlusLowRank };
template <>
struct EnumNames<LinearForm> {
  static constexpr std::array names{std::pair{"dense", LinearForm::kDense},
                                    std::pair{"tril_plus_low_rank", LinearForm::kTrilPlusLowRank}};
};

struct LinearConfig {
  using Builds = class Linear;
  static constexpr const char* kType = "linear";
  static constexpr const char* kDoc = "An affine map of a vector with a learned matrix and bias.";
  LinearForm form = LinearForm::kDense;
  int64_t rank = 2;

  template <class Archive>
  void fields(Archive& ar) {
    ar("form", form,
       "dense: a matrix started at a rotation; tril_plus_low_rank: L + V V^T, the tutorial's");
    ar("rank", rank, "columns of V in tril_plus_low_rank", between(1, 65536));
  }
};

// An affine map of vectors [D]. Both forms are M z + b from noise to data, the tutorial's
// direction, so that forward solves:
//   dense               M, started at a rotation
//   tril_plus_low_rank  M = L + V V^T, L lower-triangular with a free diagonal, V [D, rank]
//                       (E. Jang, Normalizing Flows Tutorial, part 1; TensorFlow's Affine bijector)
// The second's determinant is det L det(1 + V^T L^-1 V) (matrix determinant lemma). That small
// matrix is neither symmetric nor positive, so it is factored by LU.
class Linear final : public Transform {
 public:
  Linear(const LinearConfig& config, const Site& site);

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Tensor lower() const;                               // L, [D, D]
  Tensor matrix() const;                              // M, [D, D]
  LuSolution solved_low_rank(const Tensor& y) const;  // M^-1 y, y [D, B], and log |det M|

  LinearForm form_;
  Tensor matrix_;  // dense: M
  Tensor lower_;   // low rank: the entries of L, row by row, [D (D + 1) / 2]
  Tensor v_;       // low rank: [D, rank]
  Tensor bias_;    // [D]
  Tensor places_;  // low rank: of lower_'s entries in L, row by row
};

}  // namespace diffeo
