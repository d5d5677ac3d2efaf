#include "learn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace diffeo {
namespace {

double shape_of(const ConstantSchedule&, int64_t) { return 1; }

double shape_of(const ExponentialSchedule& schedule, int64_t step) {
  double decayed =
      std::pow(schedule.factor, static_cast<double>(std::max<int64_t>(0, step - schedule.start)));
  return std::max(schedule.minimum, decayed);
}

double shape_of(const CosineSchedule& schedule, int64_t step) {
  double part = std::min(1.0, static_cast<double>(step) / static_cast<double>(schedule.steps));
  return schedule.minimum + (1 - schedule.minimum) * (1 + std::cos(std::numbers::pi * part)) / 2;
}

double shape_of(const PiecewiseSchedule& schedule, int64_t step) {
  const auto& points = schedule.points;
  auto next = std::find_if(points.begin(), points.end(),
                           [step](const SchedulePoint& p) { return p.step > step; });
  if (next == points.begin()) return schedule.linear ? points.front().factor : 1;
  auto last = std::prev(next);
  if (!schedule.linear || next == points.end()) return last->factor;
  double part =
      static_cast<double>(step - last->step) / static_cast<double>(next->step - last->step);
  return last->factor + part * (next->factor - last->factor);
}

}  // namespace

double schedule_factor(const ScheduleConfig& schedule, int64_t step) {
  return std::visit(
      [step](const auto& config) {
        if (step >= config.warmup_steps) return shape_of(config, step);
        return static_cast<double>(step) / static_cast<double>(config.warmup_steps) *
               shape_of(config, step);
      },
      schedule);
}

double learning_rate(const OptimizerConfig& optimizer, int64_t step) {
  return std::visit(
      [step](const auto& config) {
        return config.learning_rate * schedule_factor(config.schedule, step);
      },
      optimizer);
}

}  // namespace diffeo
