#include "train/evaluate.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "train/block_noise.h"
#include "train/model.h"

namespace diffeo {
namespace {

// [B] float64 on the host: the mean over the draws.
Tensor nats_of(Flow& flow, const Batch& batch, int64_t first, const EvaluateOptions& options) {
  Batch here = moved(batch, flow.options());
  int64_t draws = flow.stochastic() ? options.draws : 1;
  Tensor total;
  for (int64_t draw = 0; draw < draws; ++draw) {
    BlockNoise noise(seed_of(options.seed, "evaluate", draw), first, here.x.device());
    Tensor nats = -flow.log_prob(here.x, {.labels = here.labels, .noise = &noise}).to(at::kDouble);
    total = total.defined() ? total + nats : nats;
  }
  return (total / static_cast<double>(draws)).to(at::kCPU);
}

void require_finite(const Tensor& nats) {
  Tensor bad = at::isfinite(nats).logical_not().nonzero().flatten();
  if (bad.numel() == 0) return;
  int64_t first = bad[0].item<int64_t>();
  fail(Exit::kDiverged, "evaluation: log p is not finite for ", bad.numel(), " of ", nats.numel(),
       " examples, the first of them example ", first, " (", -nats[first].item<double>(), ")");
}

Evaluation summary_of(const Tensor& nats, bool is_image, int64_t dimensions) {
  Evaluation result;
  result.examples = nats.numel();
  result.nats = nats.mean().item<double>();
  double count = static_cast<double>(result.examples);
  if (count > 1) result.standard_error = nats.std(/*unbiased=*/true).item<double>() / std::sqrt(count);
  if (is_image) {
    double scale = 1 / (static_cast<double>(dimensions) * std::numbers::ln2);
    result.bits_per_dim = result.nats * scale;
    result.bits_per_dim_error = result.standard_error * scale;
  }
  return result;
}

}  // namespace

Evaluation evaluate(Flow& flow, const Dataset& data, const EvaluateOptions& options) {
  at::NoGradGuard no_grad;
  require(data.size() > 0, "evaluation: there are no examples");
  std::vector<Tensor> parts;
  for (int64_t first = 0; first < data.size(); first += options.batch_size) {
    if (options.poll) options.poll();
    parts.push_back(nats_of(flow, data.slice(first, options.batch_size), first, options));
  }
  Tensor nats = at::cat(parts);
  require_finite(nats);
  return summary_of(nats, data.examples.scalar_type() == at::kByte, numel(data.shape()));
}

}  // namespace diffeo
