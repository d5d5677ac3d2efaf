#pragma once

#include <cstdint>

#include "config/optimizer_config.h"

namespace diffeo {

// The fraction of the learning rate at a step counted from 0, warm-up included; config/schedule.h
// gives the formulas.
double schedule_factor(const ScheduleConfig& schedule, int64_t step);

// The learning rate of an update, counted from 0.
double learning_rate(const OptimizerConfig& optimizer, int64_t step);

}  // namespace diffeo
