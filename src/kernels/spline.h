#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

namespace diffeo {

// How an element's raw numbers w[K], h[K], d[…] become the knots of its spline.
enum class SplineForm {
  // Bins share the box as minimum + (1 - K minimum) softmax(w / divisor); slopes are minimum +
  // softplus(d) (Durkan et al. 2019, appendix A; nflows).
  kNflows,
  // Bins share it as softmax(w / (1 + |2 w / log 1e-3|)), slopes are exp(d / (1 + |d / log 1e-3|)):
  // no minimum, and all-zero numbers are the identity (zuko).
  kZuko,
};

enum class SplineEnds {
  kLinear,    // the identity outside the box, slope 1 at its ends; d[K - 1] of the inner knots
  kBox,       // the box alone, with free slopes at its ends; d[K + 1]
  kCircular,  // the two ends are one point, with one slope; d[K]
};

// A family of monotone splines from [left, right] onto [bottom, top].
struct Spline {
  int64_t bins = 8;  // K
  SplineForm form = SplineForm::kNflows;
  SplineEnds ends = SplineEnds::kLinear;
  double left = -5, right = 5, bottom = -5, top = 5;
  double minimum_width = 1e-3, minimum_height = 1e-3, minimum_slope = 1e-3;  // kNflows
  double divisor = 1;                                                        // of w and h; kNflows

  int64_t slopes() const;                                  // how many d there are
  int64_t numbers() const { return 2 * bins + slopes(); }  // of each element
  std::vector<double> packed() const;
  static Spline unpacked(const std::vector<double>& packed);
};

// y = f(x) elementwise, f a monotone rational-quadratic spline (Gregory & Delbourgo 1982; Durkan et
// al. 2019, section 3.1). For each element numbers() numbers stand in `raw` as a convolution writes
// them, [B, C P, H, W] or [B, D P], an element's own together. Knots are met exactly: left goes to
// bottom, right to top. Outside the box elements stay as they are, with log_det 0; whoever has a
// box without tails judges that himself.
//
// Nothing is kept for the backward pass but x and raw. On the host one pass over the bins, for
// several elements at once; on other devices (and under DIFFEO_KERNELS=plain, plain_kernels.h)
// tensor operations in double precision.

// {y, log_det [B]}, differentiable once.
std::pair<at::Tensor, at::Tensor> rational_quadratic(const at::Tensor& x, const at::Tensor& raw,
                                                     const Spline& spline);

// x with rational_quadratic(x) = y, to round-off. Differentiable once, by the implicit function
// theorem.
at::Tensor rational_quadratic_inverse(const at::Tensor& y, const at::Tensor& raw,
                                      const Spline& spline);

}  // namespace diffeo
