#pragma once

#include <c10/core/Device.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/config.h"

namespace diffeo {

// What one step of a training needs, found by trying it: the data are read, the flow is built,
// started from a batch, run forward, backward and inverse, and updated twice. Nothing is written.
// Keys: parameters, shape, batch_size, steps, latents, loss, unit, round_trip (largest |x -
// inverse(forward(x))| in the data's scale), seconds_per_step (of the second: the first is slower),
// state_bytes (weights, gradients, optimizer, average), peak_bytes (of the device, or of the
// process on a CPU).
nlohmann::json dry_run(const Config& config, c10::Device device);

// The same for people, a line each.
std::string dry_run_text(const nlohmann::json& report);

}  // namespace diffeo
