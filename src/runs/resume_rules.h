#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.h"

namespace diffeo {

// A key whose value differs between two configurations, as the configuration writes it:
// "train.steps", and what its entry in fields() says of that.
struct Difference {
  std::string path, before, after;
  OnResume rule;
};
std::vector<Difference> differences(const Config& before, const Config& after);

// Whether a run may go on under a changed configuration, by each key's entry in fields(). What the
// weights and the data are must stay: every such key is listed in one Exit::kUsage. `warn` is told
// of a key that changes what is learned and of data that lie elsewhere; steps, intervals and what
// is kept are free.
void check_resumable(const Config& before, const Config& after,
                     const std::function<void(const std::string&)>& warn);

}  // namespace diffeo
