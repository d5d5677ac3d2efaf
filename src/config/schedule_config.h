#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/range.h"

namespace diffeo {

// How the learning rate goes with the step s, counted from 0 at the first update:
//
//   rate(s) = learning_rate * min(1, s / warmup_steps) * factor(s)
//
// The first of warmup_steps > 0 has the rate 0 (openai/glow, train.py); warmup_steps 0 leaves that
// term out. Every kind below states its factor(s); minima are factors too, so changing the learning
// rate scales the whole.
struct ScheduleCommon {
  static constexpr const char* kTag = "kind";
  int64_t warmup_steps = 0;

  template <class Archive>
  void common_fields(Archive& ar) {
    ar("warmup_steps", warmup_steps, "steps of linear rise from 0, 0: none", at_least(0));
  }
};

// factor(s) = 1
struct ConstantSchedule : ScheduleCommon {
  static constexpr const char* kType = "constant";
  static constexpr const char* kDoc = "The learning rate throughout.";

  template <class Archive>
  void fields(Archive& ar) {
    common_fields(ar);
  }
};

// factor(s) = max(minimum, factor^max(0, s - start))
struct ExponentialSchedule : ScheduleCommon {
  static constexpr const char* kType = "exponential";
  static constexpr const char* kDoc =
      "Multiplied by a factor at every step after a start, down to a minimum.";
  int64_t start = 0;
  double factor = 0.9999;
  double minimum = 0;

  template <class Archive>
  void fields(Archive& ar) {
    common_fields(ar);
    ar("start", start, "last step at the full learning rate", at_least(0));
    ar("factor", factor, "what each later step multiplies the rate by", above(0, 1));
    ar("minimum", minimum, "lowest rate, as a fraction of learning_rate", between(0, 1));
  }
};

// factor(s) = minimum + (1 - minimum) * (1 + cos(pi * min(1, s / steps))) / 2
struct CosineSchedule : ScheduleCommon {
  static constexpr const char* kType = "cosine";
  static constexpr const char* kDoc =
      "Half a cosine from the learning rate to a minimum, held from there on.";
  int64_t steps = 0;
  double minimum = 0;

  template <class Archive>
  void fields(Archive& ar) {
    common_fields(ar);
    ar.required("steps", steps, "step at which the minimum is reached", at_least(1));
    ar("minimum", minimum, "lowest rate, as a fraction of learning_rate", between(0, 1));
  }
};

struct SchedulePoint {
  static constexpr const char* kDoc = "From this step on, this fraction of the learning rate.";
  int64_t step = 0;
  double factor = 1;

  template <class Archive>
  void fields(Archive& ar) {
    ar.required("step", step, "step, counted from 0", at_least(0));
    ar.required("factor", factor, "fraction of learning_rate", at_least(0));
  }
};

// factor(s): that of the last point with step <= s, 1 before the first; linear: on the line from
// that point to the next, the first point's before it and the last point's after it. Two points at
// one step make a jump.
struct PiecewiseSchedule : ScheduleCommon {
  static constexpr const char* kType = "piecewise";
  static constexpr const char* kDoc =
      "Fractions of the learning rate at given steps, held or joined by lines.";
  std::vector<SchedulePoint> points;
  bool linear = false;

  template <class Archive>
  void fields(Archive& ar) {
    common_fields(ar);
    ar.required("points", points, "where the fraction changes, in the order of their steps");
    ar("linear", linear, "whether lines join the points, instead of steps");
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const {
    if (points.empty()) return "needs at least one point";
    for (size_t i = 1; i < points.size(); ++i) {
      if (points[i].step < points[i - 1].step)
        return "the points are not in the order of their steps";
    }
    return {};
  }
};

using ScheduleConfig =
    std::variant<ConstantSchedule, ExponentialSchedule, CosineSchedule, PiecewiseSchedule>;

}  // namespace diffeo
