#include "nets/start_flag.h"

#include <ATen/ATen.h>

namespace diffeo {

StartFlag::StartFlag(torch::nn::Module& module, const Site& site)
    : path_(site.path),
      flag_(module.register_buffer("initialised", site.constant({}, 0).to(at::kBool))) {}

void StartFlag::set() {
  flag_.fill_(true);
  is_set_ = true;
}

void StartFlag::require_set() {
  is_set_ = is_set_ || flag_.is_meta() || flag_.item<bool>();
  require(is_set_, path_,
          ": not initialised; call Flow::initialise with a batch, or load "
          "weights, first");
}

}  // namespace diffeo
