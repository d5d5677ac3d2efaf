#pragma once

#include <optional>

#include "flow/flow.h"
#include "golden/golden.h"

// The layers and settings of aravindsrinivas/flowpp as ours (golden/flowpp/README.md). The authors
// carry the two halves of an example as a tuple; our layers split and merge for themselves.
namespace diffeo::golden {

// One of the authors' layers.
struct FlowppLayer {
  std::string place;           // theirs: "main/03"
  std::string type, scope;     // "Norm", "Norm_1"; no scope without variables
  std::string path;            // ours; empty where we need no layer for it
  std::optional<Split> split;  // how the state behind it is divided in two; none: it is whole
};

// A case's layers, ours and theirs.
struct FlowppPlan {
  std::vector<Layer> layers;
  std::vector<FlowppLayer> theirs;
  std::string features;  // where the network of the context stands; empty: none
};

// From `hyper`, `layers` and the variables under `prefix` ("var/", "before/").
FlowppPlan flowpp_plan(const Case& c, const NamedTensors& tensors, const std::string& prefix);

// The network alone of a case with a single coupling.
ConditionerConfig flowpp_net(const Case& c, const NamedTensors& tensors, const std::string& prefix);

bool flowpp_is_coupling(const std::string& type);

// How many values a pixel can have.
double flowpp_bins(const nlohmann::json& hyper);

}  // namespace diffeo::golden
