#pragma once

#include <functional>

#include "core/error.h"
#include "core/noise.h"

namespace diffeo {

enum class Mode {
  kTrain,       // state that follows the batch may change
  kEvaluate,    // nothing changes
  kInitialise,  // each module sets itself on the input it receives, then passes on its new output
};

struct Pass;

// What one layer did: forward has a log_det, inverse leaves it undefined.
struct Report {
  const std::string& path;
  const at::Tensor& input;
  const at::Tensor& output;
  const at::Tensor& log_det;  // [B], nats
  const Pass& pass;  // that the layer was given: inside a dequantizer it has features of its own
};

// Called after each layer. A layer with layers inside reports after them.
using Observer = std::function<void(const Report&)>;

// Takes a term of the objective that is not part of the likelihood: its name and one number for
// each example [B], in nats, already weighted.
using AuxiliarySink = std::function<void(const std::string& name, const at::Tensor& term)>;

// Takes what an inverse without a formula cost: the layer's path, and for each element that was
// searched for how often the forward map was evaluated, int64 on the host.
using EffortSink = std::function<void(const std::string& path, const at::Tensor& evaluations)>;

// One trip through the flow, the same object from the first layer to the last conditioner. Layers
// have no other way to draw or to report. The default is an evaluation without conditions or noise.
struct Pass {
  Mode mode = Mode::kEvaluate;
  at::Tensor labels = {};    // [B] int64, or undefined
  at::Tensor features = {};  // [B, ...Site::features], or undefined
  Noise* noise = nullptr;    // not owned; layers that draw throw without one
  Observer observer = {};
  AuxiliarySink auxiliary = {};
  EffortSink effort = {};

  Noise& noise_for(const std::string& path) const {
    require(noise != nullptr, path, ": draws noise, but this pass has none (Pass::noise)");
    return *noise;
  }
  at::Tensor normal(const std::string& path, const at::Tensor& like) const {
    return noise_for(path).normal(path, like);
  }
  at::Tensor uniform(const std::string& path, const at::Tensor& like) const {
    return noise_for(path).uniform(path, like);
  }
};

}  // namespace diffeo
