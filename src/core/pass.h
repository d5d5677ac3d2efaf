#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "core/error.h"
#include "core/noise.h"

namespace diffeo {

enum class Mode {
  kTrain,       // state that follows the batch may change
  kEvaluate,    // nothing changes
  kInitialise,  // each module sets itself on the input it receives, then passes on its new output
  kReplay,      // computes what kTrain did, once more, and nothing changes
};

struct Pass;

// What one layer did, forward or inverse.
struct Report {
  const std::string& path;
  const at::Tensor& input;
  const at::Tensor& output;
  const at::Tensor& log_det;  // [B], nats; undefined: zero, and always in an inverse
  at::TensorList ended;       // parts of the latents that a forward ended or an inverse took back
  const Pass& pass;  // that the layer was given: inside a dequantizer it has features of its own
};

// Called after each layer. A layer with layers inside reports after them.
using Observer = std::function<void(const Report&)>;

// One trip through the flow, from the first layer to the last conditioner. Layers have no other way
// to draw. The default is an evaluation without conditions or noise. A layer that needs another one
// for what is inside it takes a changed copy, by with_…().
struct Pass {
  Mode mode = Mode::kEvaluate;
  at::Tensor labels = {};    // [B] int64, or undefined
  at::Tensor features = {};  // [B, ...Site::features], or undefined
  Noise* noise = nullptr;    // not owned; layers that draw throw without one
  Observer observer = {};
  bool centred = false;  // a dequantizer draws no noise but takes the middle of each bin

  Pass with_mode(Mode other) const;
  Pass with_labels(const at::Tensor& other) const;
  Pass with_features(const at::Tensor& other) const;
  Pass with_noise(Noise& other) const;
  Pass with_observer(Observer other) const;
  Pass with_bins_centred() const;

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
  at::Tensor coin(const std::string& path, const at::Tensor& like, double probability) const {
    return noise_for(path).coin(path, like, probability);
  }
};

}  // namespace diffeo
