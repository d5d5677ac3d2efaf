#pragma once

#include <memory>

#include "core/noise.h"
#include "core/shape.h"
#include "data/density_kind.h"

namespace diffeo {

// A density on the plane that is known exactly.
class Density {
 public:
  virtual ~Density() = default;

  // Independent draws [count, 2], each from the noise of one example.
  Tensor sample(int64_t count, Noise& noise, const at::TensorOptions& options) const;

  // [N, 2] -> [N] float64, nats; -infinity outside the support. Computed in float64.
  Tensor log_prob(const Tensor& x) const;

  // -E[log p], nats: the least mean of -log q that any model q of this density can reach. Exact, or
  // by quadrature to about 1e-10 within a second or two.
  virtual double entropy() const = 0;

 protected:
  // One example for each entry of `like` [count] float64, from that entry's own noise alone:
  // -> [count, 2].
  virtual Tensor do_sample(Noise& noise, const Tensor& like) const = 0;
  virtual Tensor do_log_prob(const Tensor& x) const = 0;  // [N, 2] float64 -> [N]

  // The entropy of a smooth density that is negligible outside the square |x| <= bound: the sum
  // over a square grid, which for smooth functions errs less than any power of the spacing.
  double entropy_on_grid(double bound, double spacing) const;
};

std::unique_ptr<Density> make_density(DensityKind kind);

}  // namespace diffeo
