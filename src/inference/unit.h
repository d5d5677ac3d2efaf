#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "data/data_config.h"
#include "inference/evaluation.h"

namespace diffeo {

// What densities of these data are measured in: bits/dim for images, nats for the rest.
struct Unit {
  explicit Unit(const DataConfig& data);

  bool is_image;
  int64_t dimensions;

  std::string name() const { return is_image ? "bits/dim" : "nats"; }
  std::string examples() const { return is_image ? "images" : "examples"; }
  double of(double nats) const;  // nats of an example in this unit

  std::string text(double nats) const;  // "3.4120 bits/dim"
  std::string text(
      const Estimate& result) const;  // "3.4120 ± 0.0031 bits/dim", without ± where it is unknown
  std::string text(const Evaluation& result) const;  // "3.4120 ± 0.0031 bits/dim over 10000 images"
};

// Keys nats, standard_error (nats), and for images bits_per_dim and bits_per_dim_standard_error. An
// error that is not known is null.
nlohmann::json to_json(const Estimate& result);

// The same, examples, and where there is an importance-weighted bound, importance with the same
// again.
nlohmann::json to_json(const Evaluation& result);

}  // namespace diffeo
