#pragma once

#include <torch/nn/module.h>

#include "core/pass.h"
#include "core/site.h"

namespace diffeo {

// y = (x + b) exp(3 logs), a b and a logs for each channel: the actnorm of openai/glow, which
// stores a third of the log-scale and so triples its learning rate. Mode initialise sets both to
// give the batch zero mean and standard deviation `scale`. A norm that was neither initialised nor
// loaded throws in every other mode.
class ChannelNorm final : public torch::nn::Module {
 public:
  ChannelNorm(const Site& site, double scale = 1);

  Tensor forward(const Tensor& x, const Pass& pass);  // [B, C, ...] -> the same
  Tensor inverse(const Tensor& y);
  Tensor log_scale() const;  // [C, 1, ...], natural logarithm of the scale

 private:
  void initialise(const Tensor& x);
  void require_initialised();

  std::string path_;
  double scale_;
  Tensor b_;               // [C, 1, ...]
  Tensor logs_;            // [C, 1, ...]
  Tensor initialised_;     // bool scalar, saved with the model
  bool is_ready_ = false;  // its mirror here, so that no step waits for the device to tell
};

// The factor between a stored `logs` of openai/glow and the log-scale it stands for.
constexpr double kGlowLogsFactor = 3;

// Reads `flag`, a bool buffer that says a module has been set from data, until it is first found
// true. Throws when it is not; afterwards costs nothing. Any way of loading weights will do.
void require_started(const std::string& path, const Tensor& flag, bool& is_ready);

}  // namespace diffeo
