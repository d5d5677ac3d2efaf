#include "inference/evaluation.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "config/configured_flow.h"
#include "core/noise.h"
#include "flow/domain.h"

namespace diffeo {
namespace {

// -log p of each example, [B] float64.
struct Nats {
  Tensor mean;      // over the draws
  Tensor weighted;  // -log of the mean density over the draws
};

Nats nats_of(Flow& flow, const Batch& batch, int64_t first, const EvaluateOptions& options) {
  Batch here = batch.to(flow.options());
  int64_t draws = flow.stochastic() ? options.draws : 1;
  Tensor sum = at::zeros({here.x.size(0)}, flow.options().dtype(at::kDouble));
  Tensor log_sum = at::full_like(sum, -INFINITY);
  for (int64_t draw = 0; draw < draws; ++draw) {
    if (options.poll) options.poll();
    SeededNoise noise(seed_of(options.seed, "evaluate", draw), first);
    Tensor log_prob = flow.log_prob(here.x, here.pass().with_noise(noise)).to(at::kDouble);
    sum += log_prob;
    log_sum = at::logaddexp(log_sum, log_prob);
  }
  auto count = static_cast<double>(draws);
  return {(-sum / count).to(at::kCPU), (std::log(count) - log_sum).to(at::kCPU)};
}

// Why the density of an example is 0, where a layer does not map it; else nothing.
std::string outside_text(Flow& flow, const Dataset& data, int64_t example, uint64_t seed) {
  Batch here = data.slice(example, 1).to(flow.options());
  SeededNoise noise(seed_of(seed, "evaluate"), example);
  auto found = outside_domain(flow, here.x, here.pass().with_noise(noise));
  return found ? ": its density is 0, since " + found->what : "";
}

void require_finite(const Tensor& nats, Flow& flow, const Dataset& data, uint64_t seed) {
  Tensor bad = at::isfinite(nats).logical_not().nonzero().flatten();
  if (bad.numel() == 0) return;
  int64_t first = bad[0].item<int64_t>();
  fail(Exit::kDiverged, "evaluation: log p is not finite for ", bad.numel(), " of ", nats.numel(),
       " examples, the first of them example ", first, " (", -nats[first].item<double>(), ")",
       outside_text(flow, data, first, seed));
}

Estimate estimate_of(const Tensor& nats, bool is_image, int64_t dimensions) {
  Estimate result;
  result.nats = nats.mean().item<double>();
  auto count = static_cast<double>(nats.numel());
  if (count > 1)
    result.standard_error = nats.std(/*unbiased=*/true).item<double>() / std::sqrt(count);
  if (is_image) {
    double scale = 1 / (static_cast<double>(dimensions) * std::numbers::ln2);
    result.bits_per_dim = result.nats * scale;
    if (result.standard_error) result.bits_per_dim_error = *result.standard_error * scale;
  }
  return result;
}

}  // namespace

Evaluation evaluate(Flow& flow, const Dataset& data, const EvaluateOptions& options) {
  at::NoGradGuard no_grad;
  require(data.size() > 0, "evaluation: there are no examples");
  std::vector<Tensor> mean, weighted;
  for (int64_t first = 0; first < data.size(); first += options.batch_size) {
    Nats nats = nats_of(flow, data.slice(first, options.batch_size), first, options);
    mean.push_back(nats.mean);
    weighted.push_back(nats.weighted);
  }
  bool is_image = data.examples.scalar_type() == at::kByte;
  auto estimate = [&](const Tensor& nats) {
    return estimate_of(nats, is_image, numel(data.shape()));
  };
  Tensor nats = at::cat(mean);
  require_finite(nats, flow, data, options.seed);
  Evaluation result{estimate(nats), data.size(), {}};
  if (options.importance) result.importance = estimate(at::cat(weighted));
  return result;
}

}  // namespace diffeo
