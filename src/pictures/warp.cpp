#include "pictures/warp.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace diffeo {
namespace {

constexpr size_t kMostStages = 12;

// The latents and what each layer directly in the flow's list makes of them, from the last to the
// first.
std::vector<Tensor> ways_of(Flow& flow, const Tensor& latents) {
  std::vector<Tensor> outputs{latents};
  std::string list = flow.layers()->path();
  auto keep = [&](const Report& report) {
    bool is_inside = report.path.starts_with(list + ".");
    bool is_in_list = is_inside && report.path.find('.', list.size() + 1) == std::string::npos;
    if (is_in_list && event_shape(report.output) == Shape{2})
      outputs.push_back(report.output.to(at::kCPU));
  };
  Tensor here = latents.to(flow.options());
  Tensor labels = at::zeros({here.size(0)}, here.options().dtype(at::kLong));
  flow.decode(here, {.labels = labels, .observer = keep});
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

std::vector<WarpStage> warp_stages(Flow& flow, const Tensor& latents, const Tensor& lines) {
  at::NoGradGuard no_grad;
  std::vector<Tensor> points = ways_of(flow, latents),
                      corners = ways_of(flow, lines.reshape({-1, 2}));
  std::vector<WarpStage> stages;
  for (size_t i = 0; i < points.size(); ++i)
    stages.push_back({points[i], corners[i].view(lines.sizes())});
  return evenly_spread(stages);
}

}  // namespace diffeo
