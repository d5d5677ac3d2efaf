#include "inference/scoring.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/noise.h"

namespace diffeo {
namespace {

bool covers(const Shape& latents, const Shape& image) {
  return latents.size() == 3 && image.at(1) % latents[1] == 0 && image.at(2) % latents[2] == 0;
}

// The levels' log-densities side by side: [B, L] float64.
Tensor levels_of(const LogProb& parts) { return at::stack(parts.base, 1).to(at::kDouble); }

// Sums over draws of the noise for the examples of one batch.
class Draws {
 public:
  Draws(const Flow& flow, const ScoreOptions& options) : flow_(flow), options_(options) {}

  void add(const LogProb& parts) {
    Tensor log_det = parts.log_det.to(at::kDouble), base = levels_of(parts);
    add_to(sums_.log_det, log_det);
    add_to(sums_.base, base);
    if (options_.importance) {
      Tensor log_prob = log_det + base.sum(1);
      log_sum_ = log_sum_.defined() ? at::logaddexp(log_sum_, log_prob) : log_prob;
    }
    if (options_.maps)
      add_to(sums_.maps, position_nats(flow_.base(), parts.latents, flow_.shape()));
    ++count_;
  }

  Scores means() const {
    auto mean = [&](const Tensor& sum) { return sum.defined() ? (sum / count_).cpu() : sum; };
    Scores scores{mean(sums_.log_det), mean(sums_.base), {}, mean(sums_.maps)};
    if (options_.importance) scores.importance = (std::log(count_) - log_sum_).cpu();
    return scores;
  }

 private:
  static void add_to(Tensor& sum, const Tensor& t) { sum = sum.defined() ? sum + t : t; }

  const Flow& flow_;
  const ScoreOptions& options_;
  Scores sums_;
  Tensor log_sum_;  // [B] log of the sum of the draws' densities
  double count_ = 0;
};

Scores scores_of(Flow& flow, const Batch& batch, int64_t first, const ScoreOptions& options) {
  Batch here = batch.to(flow.options());
  int64_t count = flow.stochastic() ? options.draws : 1;
  Draws draws(flow, options);
  for (int64_t draw = 0; draw < count; ++draw) {
    if (options.poll) options.poll();
    SeededNoise noise(seed_of(options.seed, "evaluate", draw), first);
    draws.add(flow.log_prob_parts(here.x, here.pass().with_noise(noise)));
  }
  return draws.means();
}

}  // namespace

Tensor position_nats(Base base, const std::vector<Tensor>& latents, const Shape& image) {
  Tensor sum = at::zeros({latents.at(0).size(0), image.at(1), image.at(2)},
                         latents[0].options().dtype(at::kDouble));
  for (const Tensor& z : latents) {
    // Each latent as an example of its own.
    Tensor nats = -base_log_prob(base, z.to(at::kDouble).reshape({-1, 1})).view(z.sizes()).sum(1);
    int64_t rows = image[1] / z.size(2), columns = image[2] / z.size(3);
    sum += nats.div(static_cast<double>(rows * columns))
               .repeat_interleave(rows, 1)
               .repeat_interleave(columns, 2);
  }
  return sum;
}

void require_maps(const Flow& flow) {
  std::vector<Segment> latents = flow.latents();
  bool grids = flow.shape().size() == 3 &&
               std::all_of(latents.begin(), latents.end(),
                           [&](const Segment& s) { return covers(s.shape, flow.shape()); });
  require(grids, Exit::kUsage,
          "maps: expected a flow of images whose latents are grids over them; this one's examples "
          "are ",
          to_string(flow.shape()), " and its last latents ", to_string(latents.back().shape));
}

void score(Flow& flow, const Dataset& data, const ScoreOptions& options, const ScoreSink& sink) {
  at::NoGradGuard no_grad;
  if (options.maps) require_maps(flow);
  for (int64_t first = 0; first < data.size(); first += options.batch_size)
    sink(scores_of(flow, data.slice(first, options.batch_size), first, options));
}

}  // namespace diffeo
