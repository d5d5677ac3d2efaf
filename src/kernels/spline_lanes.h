#pragma once

#include <cmath>

#include "kernels/spline.h"
#include "kernels/vector_math.h"

namespace diffeo {

// Splines of kernels/spline.h, one in each lane of a register, at one point each. Every lane goes
// through all bins and keeps the one that its point is in; only that bin's two slopes are computed.
// Within the bin all is told from the knot that the point is nearer to, so that knots are met
// exactly, and a bin's size is what its softmax gives it: as a difference of knots a narrow one
// would lose its digits.
template <class V>
class SplineLanes {
 public:
  using T = lanes::NumberOf<V>;

  // Rows of registers that a spline needs: the first are the caller's to fill with the elements'
  // numbers, in their order.
  static int64_t rows(const Spline& spline) { return spline.numbers() + 2 * spline.bins; }

  [[gnu::always_inline]] SplineLanes(V* rows, const Spline& spline)
      : spline_(spline),
        zuko_(spline.form == SplineForm::kZuko),
        slopes_(spline.slopes()),
        raw_(rows),
        widths_{rows + spline.numbers(), T(spline.left), T(spline.right),
                minimum(spline.minimum_width), 1},
        heights_{rows + spline.numbers() + spline.bins, T(spline.bottom), T(spline.top),
                 minimum(spline.minimum_height), 1} {
    widths_.free = 1 - widths_.minimum * T(spline.bins);
    heights_.free = 1 - heights_.minimum * T(spline.bins);
  }

  // Computes what all points have in common.
  [[gnu::always_inline]] void read() {
    share_out(widths_.shares, 0);
    share_out(heights_.shares, spline_.bins);
  }

  // {y, log slope}; outside the box x and 0.
  [[gnu::always_inline]] std::pair<V, V> evaluate(V x) {
    place(x);
    V y = near_y_ + sign_ * height_ * (part_ / below_);
    V log_slope = 2 * lanes::log(steepness_ / below_) + lanes::log(bend_);
    return {lanes::where<V>(inside_ > 0, y, x), lanes::where<V>(inside_ > 0, log_slope, V{})};
  }

  // Writes the derivatives of a * y + b * log slope by each number over the numbers; returns that
  // by x.
  [[gnu::always_inline]] V gradient(V x, V a, V b) {
    place(x);
    V by_outside = lanes::where<V>(inside_ > 0, V{}, a);
    a = lanes::where<V>(inside_ > 0, a, V{});
    b = lanes::where<V>(inside_ > 0, b, V{});
    V in_y = a * sign_ * height_ / (below_ * below_), over_bend = 1 / bend_,
      over_below = 1 / below_;
    V u = share_, v = 1 - u, both = u * v;
    V bend_by_u = 2 * (far_slope_ * u + steepness_ * (v - u) - near_slope_ * v);
    V below_by_u = (near_slope_ + far_slope_ - 2 * steepness_) * (v - u);
    V by_u = in_y * steepness_ * bend_ + b * (bend_by_u * over_bend - 2 * below_by_u * over_below);
    V rest = 1 - 2 * both;
    V by_steepness = in_y * (u * u * below_ - part_ * rest) +
                     2 * b * (1 / steepness_ + both * over_bend - rest * over_below);
    V by_near = in_y * both * (below_ - part_) + b * (v * v * over_bend - 2 * both * over_below);
    V by_far = b * (u * u * over_bend - 2 * both * over_below) - in_y * part_ * both;
    V by_x = by_u * sign_ / width_;
    V by_width = -(by_u * u + by_steepness * steepness_) / width_;
    V by_height = a * sign_ * part_ * over_below + by_steepness / width_;
    share_gradient(widths_, 0, -by_x, by_width);
    share_gradient(heights_, spline_.bins, a, by_height);
    slope_gradient(lanes::where<V>(sign_ < 0, by_far, by_near),
                   lanes::where<V>(sign_ < 0, by_near, by_far));
    return by_x + by_outside;
  }

  // x with evaluate(x) = y: kernels/spline_aten.cpp has the formula. Its discriminant may cancel in
  // single precision, which one step of Newton's method makes up for.
  [[gnu::always_inline]] V solve(V y) {
    V value = clamped(y, heights_);
    Bin height = search(heights_, value), width = chosen(widths_);
    settle(width, height, value, height);
    V q = (value - near_y_) * sign_ / height_, s = steepness_;
    V curve = near_slope_ + far_slope_ - 2 * s;
    V a = s - near_slope_ + q * curve, b = near_slope_ - q * curve;
    V square = b * b + 4 * a * s * q;
    V root = square_root(lanes::where<V>(square > 0, square, V{}));
    V u = lanes::where<V>(b >= 0, 2 * s * q / (b + root), (root - b) / (2 * a));
    set_share(u);
    V slope = steepness_ * bend_ / (below_ * below_);
    u -= (part_ / below_ - q) / slope;
    u = lanes::where<V>(u > 0, u, V{});
    V x = near_x_ + sign_ * width_ * u;
    x = clamped(x, widths_);
    return lanes::where<V>(inside(y, heights_) > 0, x, y);
  }

 private:
  // One side of the box, and how the bins share it.
  struct Side {
    V* shares;  // softmax
    T low, high, minimum, free;

    [[gnu::always_inline]] V share(int64_t k) const { return minimum + free * shares[k]; }
  };

  struct Bin {
    V low, high, size;
  };

  [[gnu::always_inline]] T minimum(double m) const { return zuko_ ? T(0) : T(m); }

  [[gnu::always_inline]] static V square_root(V x) {
    T numbers[lanes::kCount<V>];
    lanes::store(x, numbers);
    for (T& number : numbers) number = std::sqrt(number);
    return lanes::load<V>(numbers);
  }

  [[gnu::always_inline]] static V clamped(V v, const Side& side) {
    v = lanes::where<V>(v < side.low, lanes::all<V>(side.low), v);
    return lanes::where<V>(v > side.high, lanes::all<V>(side.high), v);
  }

  // 1 or 0.
  [[gnu::always_inline]] static V inside(V v, const Side& side) {
    V one = lanes::all<V>(1);
    return lanes::where<V>(v >= side.low, lanes::where<V>(v <= side.high, one, V{}), V{});
  }

  // 1 + |factor x / log 1e-3|
  [[gnu::always_inline]] static V clip(V x, T factor) {
    return 1 + lanes::magnitude(x) * T(factor / 6.907755278982137);
  }

  [[gnu::always_inline]] void share_out(V* shares, int64_t first) const {
    V top = lanes::all<V>(-std::numeric_limits<T>::infinity()), mass{};
    for (int64_t k = 0; k < spline_.bins; ++k) {
      V raw = raw_[first + k];
      shares[k] = zuko_ ? raw / clip(raw, 2) : raw * T(1 / spline_.divisor);
      top = lanes::larger(shares[k], top);
    }
    for (int64_t k = 0; k < spline_.bins; ++k) {
      shares[k] = lanes::exp(shares[k] - top);
      mass += shares[k];
    }
    for (int64_t k = 0; k < spline_.bins; ++k) shares[k] /= mass;
  }

  // The bin that v is in, a knot's being on its right; sets bin_.
  [[gnu::always_inline]] Bin search(const Side& side, V v) {
    bin_ = V{};
    return last_bin(side, [&](V knot, V index) __attribute__((always_inline)) {
      bin_ = lanes::where<V>(v >= knot, index, bin_);
      return v - knot;
    });
  }

  // The bin of that number on the other side.
  [[gnu::always_inline]] Bin chosen(const Side& side) const {
    return last_bin(side, [&](V, V index) __attribute__((always_inline)) { return bin_ - index; });
  }

  // Of the bins with reached(left knot, number) >= 0 the last, and the first where there is none.
  template <class Reached>
  [[gnu::always_inline]] Bin last_bin(const Side& side, const Reached& reached) const {
    T range = side.high - side.low;
    V sum = side.share(0), knot = next_knot(side, 0, sum);
    Bin found{lanes::all<V>(side.low), knot, range * sum};
    for (int64_t k = 1; k < spline_.bins; ++k) {
      V share = side.share(k);
      sum += share;
      V next = next_knot(side, k, sum), past = reached(knot, lanes::all<V>(T(k)));
      found.low = lanes::where<V>(past >= 0, knot, found.low);
      found.high = lanes::where<V>(past >= 0, next, found.high);
      found.size = lanes::where<V>(past >= 0, range * share, found.size);
      knot = next;
    }
    return found;
  }

  [[gnu::always_inline]] V next_knot(const Side& side, int64_t k, V sum) const {
    bool last = k + 1 == spline_.bins;
    return last ? lanes::all<V>(side.high) : side.low + (side.high - side.low) * sum;
  }

  [[gnu::always_inline]] void place(V x) {
    inside_ = inside(x, widths_);
    V value = clamped(x, widths_);
    Bin width = search(widths_, value), height = chosen(heights_);
    settle(width, height, value, width);
    set_share((value - near_x_) * sign_ / width_);
  }

  // The near knot of `value`, which lies in `bin`: that of the widths or of the heights.
  [[gnu::always_inline]] void settle(const Bin& width, const Bin& height, V value, const Bin& bin) {
    sign_ =
        lanes::where<V>(value - bin.low > bin.high - value, lanes::all<V>(-1), lanes::all<V>(1));
    near_x_ = lanes::where<V>(sign_ < 0, width.high, width.low);
    near_y_ = lanes::where<V>(sign_ < 0, height.high, height.low);
    width_ = width.size;
    height_ = height.size;
    steepness_ = height_ / width_;
    V low = slope_of(bin_), high = slope_of(bin_ + 1);
    near_slope_ = lanes::where<V>(sign_ < 0, high, low);
    far_slope_ = lanes::where<V>(sign_ < 0, low, high);
  }

  // How far into the bin, as a share of its width, and what of the formula follows from that.
  [[gnu::always_inline]] void set_share(V u) {
    V both = u * (1 - u);
    share_ = u;
    part_ = steepness_ * u * u + near_slope_ * both;
    below_ = steepness_ + (near_slope_ + far_slope_ - 2 * steepness_) * both;
    bend_ = far_slope_ * u * u + 2 * steepness_ * both + near_slope_ * (1 - u) * (1 - u);
  }

  // Which raw slope a knot has: none at the ends of linear tails, and the first at both of a
  // circle's.
  [[gnu::always_inline]] V knot_of_slope(int64_t i) const {
    return lanes::all<V>(T(spline_.ends == SplineEnds::kLinear ? i + 1 : i));
  }

  // The knot's number, that of the last one for a circle being 0.
  [[gnu::always_inline]] V on_circle(V knot) const {
    if (spline_.ends != SplineEnds::kCircular) return knot;
    return lanes::where<V>(knot >= T(spline_.bins), V{}, knot);
  }

  [[gnu::always_inline]] V raw_slope(V knot) const {
    V raw{};
    for (int64_t i = 0; i < slopes_; ++i)
      raw = lanes::where<V>(knot >= knot_of_slope(i), raw_[2 * spline_.bins + i], raw);
    return raw;
  }

  [[gnu::always_inline]] V slope_of(V knot) const {
    V raw = raw_slope(on_circle(knot)), one = lanes::all<V>(1);
    V slope = zuko_ ? lanes::exp(raw / clip(raw, 1))
                    : T(spline_.minimum_slope) + lanes::where<V>(raw > 0, raw, V{}) +
                          lanes::log1p(lanes::exp(-lanes::magnitude(raw)));
    if (spline_.ends != SplineEnds::kLinear) return slope;
    return lanes::where<V>(knot > 0, lanes::where<V>(knot < T(spline_.bins), slope, one), one);
  }

  // By the raw numbers of one side, given the derivatives by the near knot's place and the bin's
  // size.
  [[gnu::always_inline]] void share_gradient(const Side& side, int64_t first, V by_near,
                                             V by_size) const {
    T scale = side.free * (side.high - side.low);
    V before = by_near * scale,
      here = lanes::where<V>(sign_ < 0, by_near, V{}) * scale + by_size * scale;
    V mean{};
    for (int64_t k = 0; k < spline_.bins; ++k) mean += side.shares[k] * by_share(k, before, here);
    for (int64_t k = 0; k < spline_.bins; ++k) {
      V by_logit = side.shares[k] * (by_share(k, before, here) - mean);
      if (zuko_) {
        V within = clip(raw_[first + k], 2);
        raw_[first + k] = by_logit / (within * within);
      } else {
        raw_[first + k] = by_logit * T(1 / spline_.divisor);
      }
    }
  }

  [[gnu::always_inline]] V by_share(int64_t k, V before, V here) const {
    V index = lanes::all<V>(T(k));
    return lanes::where<V>(index < bin_, before, lanes::where<V>(index > bin_, V{}, here));
  }

  // `value`, or 0. Written with inequalities, whose results GCC keeps in mask registers.
  [[gnu::always_inline]] static V where_equal(V a, V b, V value) {
    return lanes::where<V>(a < b, V{}, lanes::where<V>(a > b, V{}, value));
  }

  [[gnu::always_inline]] void slope_gradient(V by_low, V by_high) const {
    V high = on_circle(bin_ + 1);
    for (int64_t i = 0; i < slopes_; ++i) {
      V knot = knot_of_slope(i), raw = raw_[2 * spline_.bins + i], slope;
      V by_slope = where_equal(bin_, knot, by_low) + where_equal(high, knot, by_high);
      if (zuko_) {
        V within = clip(raw, 1);
        slope = lanes::exp(raw / within) / (within * within);
      } else {
        slope = lanes::sigmoid(raw);
      }
      raw_[2 * spline_.bins + i] = by_slope * slope;
    }
  }

  const Spline& spline_;
  bool zuko_;
  int64_t slopes_;
  V* raw_;
  Side widths_, heights_;
  V bin_{}, inside_{};
  V near_x_, near_y_, sign_, width_, height_, steepness_, near_slope_, far_slope_;
  // With u the share: the way up in the bin is part / below of its height, and the slope is
  // steepness^2 bend / below^2.
  V share_, part_, below_, bend_;
};

}  // namespace diffeo
