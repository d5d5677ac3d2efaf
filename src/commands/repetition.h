#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <vector>

namespace diffeo {

// Seconds of each repetition of an action, which goes on until `seconds` have passed, and happens
// at least once. Waits for the device after each.
std::vector<double> repeated(double seconds, c10::Device device,
                             const std::function<void()>& action);

double median(std::vector<double> values);  // of at least one

// Middle and ends of some numbers, of at least one.
struct Spread {
  explicit Spread(const std::vector<double>& values);
  double median, least, most;
};

}  // namespace diffeo
