#pragma once

#include <torch/nn/module.h>

#include "core/site.h"

namespace diffeo {

// Whether a module that starts from data was started: a bool buffer "initialised" of the module,
// saved with the model, and its mirror on the host, so that no step waits for a device to tell.
class StartFlag {
 public:
  // Registers the buffer. `site`: the module's.
  StartFlag(torch::nn::Module& module, const Site& site);

  void set();
  bool is_set() const { return is_set_; }  // by set(), or found so by require_set()

  // Throws, naming the module, where it was neither started nor loaded. Reads the buffer until that
  // is first found true, however the weights were loaded; afterwards costs nothing.
  void require_set();

 private:
  std::string path_;
  Tensor flag_;  // bool scalar
  bool is_set_ = false;
};

}  // namespace diffeo
