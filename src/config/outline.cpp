#include "config/outline.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "config/configured_flow.h"
#include "config/moment_checks.h"

namespace diffeo {
namespace {

// Follows the values through a list: whole numbers up to the one layer that dequantizes them, reals
// from there on.
class Values {
 public:
  explicit Values(bool whole) : whole_(whole) {}

  void pass(const std::vector<Layer>& layers) {
    for (const Layer& layer : layers) {
      std::visit([&](const auto& config) { meet(config, layer.place); }, layer.config);
    }
  }
  void require_reals(const std::string& place) const {
    require(!whole_, Exit::kUsage, place,
            ": images are whole numbers, and no layer turns them into reals; begin with {type: "
            "dequantize}");
  }

 private:
  void meet(const DequantizeConfig&, const std::string& place) {
    require(whole_, Exit::kUsage, place,
            ": dequantize takes whole numbers, and here are reals: only images are whole, up to "
            "their first dequantize");
    whole_ = false;
  }
  // A second time through a body shows what a first one cannot: two dequantizers.
  void meet(const RepeatConfig& config, const std::string&) {
    for (int64_t i = 0; i < std::min<int64_t>(config.times, 2); ++i) pass(config.body);
  }
  template <class C>
  void meet(const C&, const std::string& place) {
    if (!only_moves<C>()) require_reals(place);
  }

  bool whole_;
};

std::string place_of(const std::vector<Layer>& layers) {
  return layers.empty() ? "flow" : layers[0].place;
}

}  // namespace

std::shared_ptr<Flow> outline_of(const Config& config) {
  std::shared_ptr<Flow> flow = build_flow(config, at::kMeta);
  Values values(data_is_image(config.data));
  values.pass(config.flow);
  values.require_reals(place_of(config.flow));
  return flow;
}

std::shared_ptr<Flow> trainable_outline_of(const Config& config) {
  std::shared_ptr<Flow> flow = outline_of(config);
  std::vector<std::string> names = flow->named_parameters().keys();
  require(data_is_held_out(config.data), Exit::kUsage,
          "data: nothing is held out; give test, test_fraction or validation");
  require(!names.empty(), Exit::kUsage, place_of(config.flow),
          ": none of the layers has a parameter: there is nothing to train");
  config.penalty.require_names(names);
  require_moments(config.train, *flow);
  return flow;
}

}  // namespace diffeo
