#pragma once

#include <map>
#include <string>

#include "commands/bench_subject.h"

namespace diffeo {

// What the layers of one kind take in a pass of the training.
struct LayerTime {
  int64_t count = 0;
  double forward = 0, backward = 0;  // seconds
};

// By kind, "coupling". What a layer that has layers inside does before the first of them counts as
// theirs. What belongs to no layer, the density at the noise end, the loss and the adding up of
// gradients, is called "(loss)".
std::map<std::string, LayerTime> layer_times(BenchSubject& subject);

}  // namespace diffeo
