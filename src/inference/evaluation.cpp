#include "inference/evaluation.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/noise.h"
#include "flow/domain.h"

namespace diffeo {
namespace {

// Why the density of an example is 0, where a layer does not map it; else nothing.
std::string outside_text(Flow& flow, const Dataset& data, int64_t example, uint64_t seed) {
  at::NoGradGuard no_grad;
  Batch here = data.slice(example, 1).to(flow.options());
  SeededNoise noise(seed_of(seed, "evaluate"), example);
  auto found = outside_domain(flow, here.x, here.pass().with_noise(noise));
  return found ? ": its density is 0, since " + found->what : "";
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

std::string complaint(const Tensor& nats, Flow& flow, const Dataset& data, uint64_t seed) {
  Tensor bad = at::isfinite(nats).logical_not().nonzero().flatten();
  if (bad.numel() == 0) return {};
  int64_t first = bad[0].item<int64_t>();
  double value = nats[first].item<double>();
  return joined("log p is not finite for ", bad.numel(), " of ", nats.numel(),
                " examples, the first of them example ", first, " (",
                std::isnan(value) ? std::abs(value) : -value, ")",
                outside_text(flow, data, first, seed));
}

Evaluation evaluate(Flow& flow, const Dataset& data, const ScoreOptions& options) {
  require(data.size() > 0, "evaluation: there are no examples");
  std::vector<Tensor> mean, weighted;
  score(flow, data, options, [&](const Scores& scores) {
    mean.push_back(scores.nats());
    weighted.push_back(scores.importance);
  });
  bool is_image = data.examples.scalar_type() == at::kByte;
  auto estimate = [&](const Tensor& nats) {
    return estimate_of(nats, is_image, numel(data.shape()));
  };
  Tensor nats = at::cat(mean);
  std::string problem = complaint(nats, flow, data, options.seed);
  require(problem.empty(), Exit::kDiverged, "evaluation: ", problem);
  Evaluation result{estimate(nats), data.size(), {}};
  if (options.importance) result.importance = estimate(at::cat(weighted));
  return result;
}

}  // namespace diffeo
