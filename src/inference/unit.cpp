#include "inference/unit.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/error.h"

namespace diffeo {
namespace {

std::string four_digits(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return text.data();
}

nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

}  // namespace

Unit::Unit(const DataConfig& data)
    : is_image(data_is_image(data)), dimensions(numel(data_shape(data))) {}

double Unit::of(double nats) const {
  return is_image ? nats / (static_cast<double>(dimensions) * std::numbers::ln2) : nats;
}

std::string Unit::text(double nats) const { return four_digits(of(nats)) + " " + name(); }

std::string Unit::text(const Estimate& result) const {
  if (!result.standard_error) return text(result.nats);
  return joined(four_digits(of(result.nats)), " ± ", four_digits(of(*result.standard_error)), " ",
                name());
}

std::string Unit::text(const Evaluation& result) const {
  return joined(text(static_cast<const Estimate&>(result)), " over ", result.examples, " ",
                examples());
}

nlohmann::json to_json(const Estimate& result) {
  nlohmann::json json{{"nats", result.nats}, {"standard_error", or_null(result.standard_error)}};
  if (result.bits_per_dim) {
    json["bits_per_dim"] = *result.bits_per_dim;
    json["bits_per_dim_standard_error"] = or_null(result.bits_per_dim_error);
  }
  return json;
}

nlohmann::json to_json(const Evaluation& result) {
  nlohmann::json json = to_json(static_cast<const Estimate&>(result));
  json["examples"] = result.examples;
  if (result.importance) json["importance"] = to_json(*result.importance);
  return json;
}

}  // namespace diffeo
