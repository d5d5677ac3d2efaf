#pragma once

#include <optional>

#include "inference/scoring.h"

namespace diffeo {

// The mean of -log p over a data set.
struct Estimate {
  double nats = 0;
  std::optional<double> standard_error;  // of that mean, nats; unknown of a single example
  std::optional<double> bits_per_dim;    // of images (uint8): nats / (D ln 2)
  std::optional<double> bits_per_dim_error;
};

// Where the flow dequantizes, log p(x, u) - log q(u | x) of one draw u of the noise is a bound of
// log p(x) on average, and an example's number is the mean over its draws. The importance-weighted
// bound is the logarithm of the mean of the draws' exponentials: tighter, and log p(x) itself as
// the draws grow (Burda et al. 2016; Ho et al. 2019, section 4.2).
struct Evaluation : Estimate {
  int64_t examples = 0;
  std::optional<Estimate> importance;  // if asked for
};

// Over every example, each weighing the same, added up in double precision. An example's noise is
// that of its place in the data set (the rule is in core/noise.h), so the batch size changes no
// more than rounding. The flow's parameters say where it computes. Memory does not grow with the
// draws. Throws Exit::kDiverged where a log p is not finite, as complaint() says.
Evaluation evaluate(Flow& flow, const Dataset& data, const ScoreOptions& options = {});

// How many of the scored examples have no finite log p, and the first of them; where that lies
// outside what a layer maps, so that log p is -infinity, also the layer and the number. Empty where
// all are finite. `nats`: [N], of every example.
std::string complaint(const Tensor& nats, Flow& flow, const Dataset& data, uint64_t seed);

}  // namespace diffeo
