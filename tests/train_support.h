// Small trainings for the tests of src/train/.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "io/npy.h"
#include "io_support.h"
#include "terminal/console.h"

namespace diffeo {

using Overrides = std::vector<std::string>;

// A training of two dimensions that takes milliseconds.
inline std::string plane_yaml() {
  return R"(
seed: 3
data: {source: synthetic, density: two_moons, evaluation_examples: 100}
optimizer: {kind: adam, learning_rate: 1e-2, clip_norm: 5, schedule: {kind: constant, warmup_steps: 5}}
penalty: {l2: 1e-3, parameters: [weight]}
train: {steps: 24, batch_size: 16, log_every: 5, evaluate_every: 12, checkpoint_every: 8, keep: 100,
        ema_decay: 0.9, sample_temperatures: []}
flow:
  - {type: actnorm}
  - {type: linear}
  - {type: coupling, map: {type: affine, form: realnvp}, net: {type: mlp, hidden: 8, depth: 1}}
)";
}

// Forty grey images of 4 x 4 in `directory`, and a training on them whose epochs end within
// batches.
inline std::string image_yaml(const TemporaryDirectory& directory) {
  Tensor images = at::arange(40 * 16).mul(37).remainder(256).view({40, 4, 4}).to(at::kByte);
  save_npy(directory / "images.npy", images);
  return R"(
seed: 5
data: {source: npy, path: )" +
         (directory / "images.npy").string() + R"(, shape: [1, 4, 4], test_fraction: 0.25,
       augment: {flip: true}}
objective: bits_per_dim
optimizer: {kind: adamax, learning_rate: 1e-3}
train: {steps: 20, batch_size: 8, accumulate: 2, log_every: 3, evaluate_every: 8, checkpoint_every: 5, keep: 100,
        ema_decay: 0.9, sample_temperatures: []}
flow:
  - {type: dequantize}
  - {type: logit, alpha: 0.05}
  - type: masked_coupling
    batch_norm: true
    map: {type: affine, form: realnvp}
    net: {type: resnet, hidden: 4, blocks: 1}
  - {type: squeeze}
  - {type: actnorm}
  - {type: inv_conv}
)";
}

// What a console was shown.
class ConsoleText {
 public:
  explicit ConsoleText(Console::Kind kind = Console::Kind::kPlain, bool colour = false)
      : file_(std::tmpfile()), console_(file_, kind, colour) {}
  ~ConsoleText() {
    console_.clear();
    std::fclose(file_);
  }
  Console& console() { return console_; }
  std::string text() const {
    std::fflush(file_);
    std::string all(static_cast<size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    all.resize(std::fread(all.data(), 1, all.size(), file_));
    return all;
  }

 private:
  std::FILE* file_;
  Console console_;
};

}  // namespace diffeo
