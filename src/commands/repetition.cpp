#include "commands/repetition.h"

#include <algorithm>

#include "commands/operator_record.h"
#include "terminal/stopwatch.h"

namespace diffeo {

std::vector<double> repeated(double seconds, c10::Device device,
                             const std::function<void()>& action) {
  std::vector<double> times;
  Stopwatch whole;
  do {
    Stopwatch watch;
    action();
    wait_for(device);
    times.push_back(watch.seconds());
  } while (whole.seconds() < seconds);
  return times;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Spread::Spread(const std::vector<double>& values)
    : median(diffeo::median(values)),
      least(*std::min_element(values.begin(), values.end())),
      most(*std::max_element(values.begin(), values.end())) {}

}  // namespace diffeo
