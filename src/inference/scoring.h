#pragma once

#include <functional>

#include "data/dataset.h"
#include "flow/flow.h"

namespace diffeo {

struct ScoreOptions {
  int64_t batch_size = 64;
  uint64_t seed = 0;                // of the noise
  int64_t draws = 1;                // of the noise for each example
  bool importance = false;          // whether the draws also give the importance-weighted bound
  bool maps = false;                // whether each image gets a map
  std::function<void()> poll = {};  // called between passes over a batch; throws to stop
};

// log p taken apart for some examples that follow each other, on the host in float64. Where the
// flow dequantizes, log_det and base are means over the draws of log p(x, u) - log q(u | x), a
// bound of log p(x) on average.
struct Scores {
  Tensor log_det;     // [B]
  Tensor base;        // [B, L] log-density of each level's latents, in the order of latents()
  Tensor importance;  // [B] nats: -log of the mean over the draws of p(x, u) / q(u | x)
  Tensor maps;        // [B, H, W] nats, as position_nats() has them

  Tensor base_sum() const { return base.sum(1); }
  Tensor nats() const { return -(log_det + base_sum()); }  // [B] -log p
};
using ScoreSink = std::function<void(const Scores&)>;

// Gives the scores of every example to the sink, in order and in batches. An example's noise is
// that of its place in the data set (the rule is in core/noise.h), so the batch size changes no
// more than rounding. The flow's parameters say where it computes. Scores need not be finite.
// Throws Exit::kUsage where maps are asked for and latents have no place in an image.
void score(Flow& flow, const Dataset& data, const ScoreOptions& options, const ScoreSink& sink);

// Where in an image [C, H, W] its base's nats lie: -log base of each latent, summed over channels
// and levels, a coarse latent's shared among the pixels that it covers. The sum over a map is
// -base_sum(). `latents`: one a level, [B, c, h, w]. -> [B, H, W]
Tensor position_nats(Base base, const std::vector<Tensor>& latents, const Shape& image);

// Throws Exit::kUsage unless the flow is of images and each level's latents are a grid over them.
void require_maps(const Flow& flow);

}  // namespace diffeo
