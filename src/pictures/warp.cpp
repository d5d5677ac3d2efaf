#include "pictures/warp.h"

#include <ATen/ATen.h>

#include <set>
#include <string>

namespace diffeo {
namespace {

constexpr size_t kMostStages = 12;

// The latents and what each layer of the flow's list makes of them, from the last to the first.
std::vector<Tensor> positions_of(Flow& flow, const Tensor& latents, const Tensor& context) {
  std::set<std::string> in_list;
  for (const TransformPtr& layer : flow.layers()->layers()) in_list.insert(layer->path());
  std::vector<Tensor> outputs{latents};
  auto keep = [&](const Report& report) {
    if (in_list.contains(report.path) && event_shape(report.output) == Shape{2})
      outputs.push_back(report.output.to(at::kCPU));
  };
  Tensor here = latents.to(flow.options());
  Tensor labels = at::zeros({here.size(0)}, here.options().dtype(at::kLong));
  Tensor rows = context.defined() ? context.to(here.options()).expand({here.size(0), -1}) : context;
  flow.decode(here, {.labels = labels, .features = rows, .observer = keep});
  return outputs;
}

template <class T>
std::vector<T> evenly_spread(const std::vector<T>& all) {
  if (all.size() <= kMostStages) return all;
  std::vector<T> chosen;
  for (size_t i = 0; i < kMostStages; ++i)
    chosen.push_back(all[i * (all.size() - 1) / (kMostStages - 1)]);
  return chosen;
}

}  // namespace

std::vector<WarpStage> warp_stages(Flow& flow, const Tensor& latents, const Tensor& context,
                                   const Tensor& lines) {
  at::NoGradGuard no_grad;
  std::vector<Tensor> points = positions_of(flow, latents, context),
                      corners = positions_of(flow, lines.reshape({-1, 2}), context);
  std::vector<WarpStage> stages;
  for (size_t i = 0; i < points.size(); ++i)
    stages.push_back({points[i], corners[i].view(lines.sizes())});
  return evenly_spread(stages);
}

}  // namespace diffeo
