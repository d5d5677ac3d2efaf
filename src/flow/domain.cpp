#include "flow/domain.h"

#include <ATen/ATen.h>

#include <map>

namespace diffeo {

Observer domain_observer(const Flow& flow, std::optional<OutsideDomain>& found) {
  std::map<std::string, std::shared_ptr<Transform>> layers;
  for (const auto& module : flow.modules(/*include_self=*/false)) {
    if (auto layer = std::dynamic_pointer_cast<Transform>(module)) layers[layer->path()] = layer;
  }
  return [layers, &found](const Report& report) {
    if (found || !report.log_det.defined()) return;  // an inverse has no log_det
    found = layers.at(report.path)->outside_domain(report.input);
    if (found) found->what = report.path + " " + found->what;
  };
}

std::optional<OutsideDomain> outside_domain(Flow& flow, const Tensor& x, Pass pass) {
  at::NoGradGuard no_grad;
  std::optional<OutsideDomain> found;
  pass.observer = domain_observer(flow, found);
  flow.log_prob(x, pass);
  return found;
}

}  // namespace diffeo
