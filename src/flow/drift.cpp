#include "flow/drift.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace diffeo {
namespace {

struct Visited {
  Transform& layer;
  Tensor input;
  std::vector<Tensor> ended;
};

double error_of(const Tensor& rebuilt, const Tensor& input) {
  double size = input.abs().max().item<double>();
  double error = (rebuilt - input).abs().max().item<double>();
  return error == 0 ? 0 : error / size;
}

}  // namespace

std::vector<Drift> drifts_of(Flow& flow, const Tensor& x, const Pass& pass,
                             const MemoryPlan& plan) {
  at::NoGradGuard no_grad;
  // A replay: what follows batches is not to see this one.
  Pass replay = flow.conditioned(pass).with_mode(Mode::kReplay);
  std::vector<Visited> visited;
  Tensor value = flow.as_read(x);
  for (const TransformPtr& layer : flow.layers()->layers()) {
    Mapped out = layer->forward(value, replay);
    visited.push_back({*layer, value, std::move(out.ended)});
    value = out.value;
  }
  std::vector<Drift> drifts;
  // The first input is there in any mode.
  for (size_t i = visited.size(); i-- > 1;) {
    auto& [layer, input, ended] = visited[i];
    if (!plan.rebuilds(layer)) {
      value = input;
      continue;
    }
    Tensor rebuilt = layer.inverse(value, replay, ended);
    drifts.push_back({layer.path(), error_of(rebuilt, input)});
    value = drifts.back().is_too_large() ? input : rebuilt;
  }
  return drifts;
}

const Drift& largest_of(const std::vector<Drift>& drifts) {
  return *std::max_element(drifts.begin(), drifts.end(), [](const Drift& a, const Drift& b) {
    return !std::isnan(a.error) && (std::isnan(b.error) || a.error < b.error);
  });
}

std::string text_of(const Drift& drift) {
  std::array<char, 16> number;
  std::snprintf(number.data(), number.size(), "%.1e", drift.error);
  return joined(drift.path, ", off by ", number.data(), " at most");
}

}  // namespace diffeo
