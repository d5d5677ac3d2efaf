#pragma once

#include <optional>

#include "nets/nets.h"
#include "nets/start_flag.h"

namespace diffeo {

struct ContextConfig {
  static constexpr const char* kDoc =
      "What the layers read of the data's context columns, by context: features.";
  bool standardise = true;
  std::optional<ConditionerConfig> net = {};
  int64_t outputs = 16;

  template <class Archive>
  void fields(Archive& ar) {
    ar("standardise", standardise,
       "give each column mean 0 and deviation 1, as the examples of the start have it");
    ar("net", net, "a network that computes the features; none: the columns are the features");
    ar("outputs", outputs, "features that the network computes", between(1, 65536));
  }
};

// Makes features of a pass's context [B, C]: standardised columns, or what a network computes of
// them. The columns' means and deviations are set in mode initialise and stay; a constant column
// has deviation 1.
class ContextReader final : public torch::nn::Module {
 public:
  // site.input: [C].
  ContextReader(const ContextConfig& config, const Site& site);

  // [B, ...output_shape]. Throws where the pass has no context, or one of another width.
  Tensor forward(const Pass& pass);
  Shape output_shape() const { return {outputs_}; }

 private:
  void initialise(const Tensor& context);

  int64_t columns_, outputs_;
  Tensor mean_, deviation_;  // [C]; undefined: not standardised
  std::optional<StartFlag> start_;
  std::shared_ptr<Conditioner> net_;  // null: none
};

}  // namespace diffeo
