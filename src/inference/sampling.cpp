#include "inference/sampling.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "config/configured_flow.h"

namespace diffeo {
namespace {

void check(const Flow& flow, const SampleOptions& options) {
  size_t levels = flow.latents().size(), given = options.temperatures.size();
  if (given != 1 && given != levels) {
    fail(Exit::kUsage, "sampling: ", given,
         " temperatures, expected one, or one for each of this flow's ", levels,
         levels == 1 ? " level" : " levels");
  }
  if (!options.label) return;
  if (options.classes == 0) {
    fail(Exit::kUsage, "sampling: this flow was trained without classes, so none can be chosen");
  }
  if (*options.label < 0 || *options.label >= options.classes) {
    fail(Exit::kUsage, "sampling: class ", *options.label, ", expected one of 0 to ",
         options.classes - 1);
  }
}

Tensor labels_for(const SampleOptions& options, int64_t first, int64_t count, const Tensor& like) {
  if (options.classes == 0) return {};
  if (options.label) return at::full({count}, *options.label, like.options().dtype(at::kLong));
  return at::arange(first, first + count, like.options().dtype(at::kLong))
      .remainder(options.classes);
}

Tensor context_for(const SampleOptions& options, int64_t first, int64_t count, const Tensor& like) {
  if (!options.given.defined()) return {};
  Tensor rows = at::arange(first, first + count, options.given.options().dtype(at::kLong))
                    .remainder(options.given.size(0));
  return options.given.index_select(0, rows).to(like.options());
}

}  // namespace

Tensor sample_latents(Flow& flow, const SampleOptions& options, int64_t first, int64_t count) {
  SeededNoise noise(seed_of(options.seed, "sample"), first);
  Tensor latents = flow.draw_latents(count, {.noise = &noise});
  std::vector<Segment> segments = flow.latents();
  for (size_t level = 0; level < segments.size(); ++level) {
    double temperature = options.temperatures[options.temperatures.size() == 1 ? 0 : level];
    latents.narrow(1, segments[level].offset, numel(segments[level].shape)).mul_(temperature);
  }
  return latents;
}

Tensor SampleBatch::finite() const {
  return values.isfinite().flatten(1).all(1).logical_and_(latents.isfinite().all(1));
}

void sample(Flow& flow, const SampleOptions& options, const SampleSink& sink) {
  at::NoGradGuard no_grad;
  check(flow, options);
  for (int64_t first = 0; first < options.count; first += options.batch_size) {
    if (options.poll) options.poll();
    int64_t count = std::min(options.batch_size, options.count - first);
    Tensor latents = sample_latents(flow, options, first, count);
    Tensor labels = labels_for(options, first, count, latents);
    SeededNoise noise(seed_of(options.seed, "decode"), first);
    Tensor context = context_for(options, first, count, latents);
    Tensor values = flow.decode(latents, {.labels = labels, .features = context, .noise = &noise});
    sink({values.to(at::kCPU), latents.to(at::kCPU), labels.defined() ? labels.cpu() : labels});
  }
}

Tensor sample(Flow& flow, const SampleOptions& options) {
  std::vector<Tensor> parts;
  sample(flow, options, [&](const SampleBatch& batch) { parts.push_back(batch.values); });
  return at::cat(parts);
}

}  // namespace diffeo
