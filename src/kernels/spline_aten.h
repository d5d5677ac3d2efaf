#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

#include "kernels/spline.h"

namespace diffeo {

// spline.h in tensor operations, for any device; the host's loops are tested against it. It
// computes in double precision, whatever that of x: knots are sums of up to K widths, and where a
// bin is narrow and the next one wide, a single-precision knot would be too far off for its slope.

// The K + 1 knots and their slopes, each [B, C, K + 1, ...], in double precision.
struct SplineKnots {
  at::Tensor x, y, slopes;
};
SplineKnots spline_knots(const at::Tensor& like, const at::Tensor& raw, const Spline& spline);

// {y, log_det [B]}.
std::pair<at::Tensor, at::Tensor> spline_aten(const at::Tensor& x, const at::Tensor& raw,
                                              const Spline& spline);

// {by x, by raw}: the gradient of sum(by_y y) + sum(by_log_det log_det). What it takes is made anew
// and lives no longer than the call.
std::pair<at::Tensor, at::Tensor> spline_gradient_aten(const at::Tensor& x, const at::Tensor& raw,
                                                       const Spline& spline, const at::Tensor& by_y,
                                                       const at::Tensor& by_log_det);

at::Tensor spline_inverse_aten(const at::Tensor& y, const at::Tensor& raw, const Spline& spline);

}  // namespace diffeo
