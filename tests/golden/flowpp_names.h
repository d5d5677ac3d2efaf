#pragma once

#include "golden/flowpp_plan.h"

// The variables of aravindsrinivas/flowpp as ours: names and layouts (golden/flowpp/README.md).
namespace diffeo::golden {

// Variables under `prefix` ("f64/grad/"), those that are there, as values of our parameters, by our
// names.
NamedTensors flowpp_values(const FlowppPlan& plan, const NamedTensors& tensors,
                           const std::string& prefix);

// Those of the network alone of a case with a single coupling.
NamedTensors flowpp_net_values(const NamedTensors& tensors, const std::string& prefix);

// The authors' name of a network's layer ("block0.ln1") to ours ("blocks.block0_conv_norm").
std::string flowpp_net_layer(const std::string& name);

// Gives a model every parameter, and none is left out. The model counts as started from data.
void load_flowpp(torch::nn::Module& model, const NamedTensors& values);

// An image in our layout; what is none as it is.
Tensor flowpp_state(const Tensor& tensor);

}  // namespace diffeo::golden
