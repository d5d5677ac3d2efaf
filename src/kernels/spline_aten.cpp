#include "kernels/spline_aten.h"

#include <ATen/ATen.h>
#include <torch/autograd.h>

#include <cmath>

#include "core/error.h"
#include "core/shape.h"

namespace diffeo {
namespace {

// raw / (1 + |factor raw / log 1e-3|): within log 1000 / factor, and near raw where that is small.
Tensor soft_clipped(const Tensor& raw, double factor) {
  return raw / (1 + (raw * (factor / std::log(1e-3))).abs());
}

// Knots from `low` to `high`, both exact, at the sums of what the logits share out.
Tensor positions(const Tensor& logits, const Spline& spline, double minimum, double low,
                 double high) {
  bool zuko = spline.form == SplineForm::kZuko;
  Tensor shares = (zuko ? soft_clipped(logits, 2) : logits / spline.divisor).softmax(2);
  if (!zuko) shares = minimum + (1 - minimum * static_cast<double>(spline.bins)) * shares;
  Tensor inner = low + (high - low) * shares.cumsum(2).narrow(2, 0, spline.bins - 1);
  Tensor end = logits.narrow(2, 0, 1);
  return at::cat({at::full_like(end, low), inner, at::full_like(end, high)}, 2);
}

Tensor slopes_of(const Tensor& d, const Tensor& like, const Spline& spline) {
  Tensor slopes = spline.form == SplineForm::kZuko
                      ? soft_clipped(d, 1).exp()
                      : spline.minimum_slope - at::log_sigmoid(-d);  // softplus, exact far out
  Tensor one = at::ones_like(like.narrow(2, 0, 1));
  if (spline.ends == SplineEnds::kLinear) return at::cat({one, slopes, one}, 2);
  if (spline.ends == SplineEnds::kCircular) return at::cat({slopes, slopes.narrow(2, 0, 1)}, 2);
  return slopes;
}

// The bin of each element, [B, C, ...] each, told from the knot that the element is nearer to: `d`
// is the slope there, `far_d` that at the other end; `sign` -1 where the near knot is the right
// one. So a knot is met exactly from either side.
struct NearKnot {
  Tensor x, y, d, far_d, width, height, sign;
  Tensor steepness() const { return height / width; }
};

NearKnot near_knot(const SplineKnots& knots, const Tensor& v, const Tensor& along) {
  int64_t bins = along.size(2) - 1;
  // A value on an inner knot belongs to the bin on its right, one on the last knot to the last bin.
  Tensor bin = (v.unsqueeze(2) >= along.narrow(2, 1, bins - 1)).sum(2, /*keepdim=*/true);
  auto at = [&](const Tensor& of_knots, int64_t next) {
    return of_knots.gather(2, bin + next).squeeze(2);
  };
  Tensor right = v - at(along, 0) > at(along, 1) - v;
  auto nearer = [&](const Tensor& t) { return at::where(right, at(t, 1), at(t, 0)); };
  auto farther = [&](const Tensor& t) { return at::where(right, at(t, 0), at(t, 1)); };
  return {.x = nearer(knots.x),
          .y = nearer(knots.y),
          .d = nearer(knots.slopes),
          .far_d = farther(knots.slopes),
          .width = at(knots.x, 1) - at(knots.x, 0),
          .height = at(knots.y, 1) - at(knots.y, 0),
          .sign = 1 - 2 * right.to(v.scalar_type())};
}

Tensor is_within(const Tensor& v, double low, double high) {
  return at::logical_and(v >= low, v <= high);
}

}  // namespace

int64_t Spline::slopes() const {
  switch (ends) {
    case SplineEnds::kLinear: return bins - 1;
    case SplineEnds::kBox: return bins + 1;
    case SplineEnds::kCircular: return bins;
  }
  fail("spline: unknown ends");
}

SplineKnots spline_knots(const Tensor& like, const Tensor& raw, const Spline& spline) {
  std::vector<int64_t> sizes = like.sizes().vec();
  sizes.insert(sizes.begin() + 2, spline.numbers());
  Tensor numbers = raw.reshape(sizes).to(at::kDouble);
  Tensor w = numbers.narrow(2, 0, spline.bins), h = numbers.narrow(2, spline.bins, spline.bins);
  Tensor d = numbers.narrow(2, 2 * spline.bins, spline.slopes());
  return {positions(w, spline, spline.minimum_width, spline.left, spline.right),
          positions(h, spline, spline.minimum_height, spline.bottom, spline.top),
          slopes_of(d, w, spline)};
}

std::pair<Tensor, Tensor> spline_aten(const Tensor& x, const Tensor& raw, const Spline& spline) {
  Tensor v = x.to(at::kDouble).clamp(spline.left, spline.right);
  SplineKnots knots = spline_knots(x, raw, spline);
  NearKnot k = near_knot(knots, v, knots.x);
  Tensor s = k.steepness(), u = (v - k.x) * k.sign / k.width, both = u * (1 - u);
  Tensor below = s + (k.d + k.far_d - 2 * s) * both;
  Tensor y = k.y + k.sign * k.height * (s * u.square() + k.d * both) / below;
  Tensor slope = k.far_d * u.square() + 2 * s * both + k.d * (1 - u).square();
  Tensor log_slope = 2 * s.log() + slope.log() - 2 * below.log();
  Tensor within = is_within(x, spline.left, spline.right);
  Tensor log_det = sum_events(at::where(within, log_slope, at::zeros_like(log_slope)));
  return {at::where(within, y.to(x.scalar_type()), x), log_det.to(x.scalar_type())};
}

std::pair<Tensor, Tensor> spline_gradient_aten(const Tensor& x, const Tensor& raw,
                                               const Spline& spline, const Tensor& by_y,
                                               const Tensor& by_log_det) {
  at::AutoGradMode with_gradient(true);
  Tensor x_leaf = x.detach().requires_grad_(), raw_leaf = raw.detach().requires_grad_();
  auto [y, log_det] = spline_aten(x_leaf, raw_leaf, spline);
  auto gradients = torch::autograd::grad({y, log_det}, {x_leaf, raw_leaf}, {by_y, by_log_det});
  return {gradients[0], gradients[1]};
}

// With q the way from the near knot as a share of the bin's height, the share u of its width solves
// a u^2 + b u = s q. Its discriminant is a square in exact arithmetic, so below 0 there is only
// round-off; and of the two forms of the root, that one is taken whose sum does not cancel.
Tensor spline_inverse_aten(const Tensor& y, const Tensor& raw, const Spline& spline) {
  Tensor v = y.to(at::kDouble).clamp(spline.bottom, spline.top);
  SplineKnots knots = spline_knots(y, raw, spline);
  NearKnot k = near_knot(knots, v, knots.y);
  Tensor s = k.steepness(), q = (v - k.y) * k.sign / k.height, bend = k.d + k.far_d - 2 * s;
  Tensor a = s - k.d + q * bend, b = k.d - q * bend;
  Tensor root = (b.square() + 4 * a * s * q).clamp_min(0).sqrt();
  Tensor u = at::where(b >= 0, 2 * s * q / (b + root), (root - b) / (2 * a));
  Tensor x = (k.x + k.sign * k.width * u).clamp(spline.left, spline.right);
  return at::where(is_within(y, spline.bottom, spline.top), x.to(y.scalar_type()), y);
}

}  // namespace diffeo
