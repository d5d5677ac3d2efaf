#pragma once

#include "golden/golden.h"

// What is checked of each kind of golden/flowpp.
namespace diffeo::golden {

// A single coupling: both directions.
void check_flowpp_coupling(const Case& c, at::ScalarType precision);

// The network of a coupling: every layer, and the numbers of the map.
void check_flowpp_conditioner(const Case& c, at::ScalarType precision);

// A dequantizer alone, or a whole model.
void check_flowpp_dequantizer(const Case& c, at::ScalarType precision);
void check_flowpp_model(const Case& c, at::ScalarType precision);

// The start from data.
void check_flowpp_start(const Case& c, at::ScalarType precision);

// Gradients of a whole model's loss. Recorded in float64 alone.
void check_flowpp_gradients(const Case& c, at::ScalarType precision);

// Updates of clipped gradients, and the average of the weights.
void check_flowpp_updates(const Case& c, at::ScalarType precision);

}  // namespace diffeo::golden
