#include "data/dataset.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/order.h"

namespace diffeo {

Batch Batch::to(const at::TensorOptions& options) const {
  // A copy from pinned memory lets the host go on; one from ordinary memory first waits for the
  // device.
  auto moved = [&](const Tensor& t, at::ScalarType type) {
    bool pins = options.device().is_cuda() && t.device().is_cpu();
    return (pins ? t.pin_memory() : t).to(options.device(), type, /*non_blocking=*/pins);
  };
  at::ScalarType type = c10::typeMetaToScalarType(options.dtype());
  return {moved(x, type), labels.defined() ? moved(labels, at::kLong) : labels};
}

Batch Dataset::slice(int64_t first, int64_t count) const {
  count = std::min(count, size() - first);
  Tensor its_labels = labels.defined() ? labels.narrow(0, first, count) : Tensor();
  return {examples.narrow(0, first, count).to(at::kFloat), its_labels};
}

Dataset Dataset::chosen(const Tensor& indices) const {
  return {examples.index_select(0, indices),
          labels.defined() ? labels.index_select(0, indices) : Tensor()};
}

Cut cut(const Dataset& whole, double fraction, uint64_t seed, const std::string& stream) {
  int64_t count = std::max<int64_t>(1, std::llround(fraction * whole.size()));
  require(count < whole.size(), Exit::kData, stream, ": a fraction of ", fraction, " of ",
          whole.size(), " examples leaves none to train on");
  Tensor order = random_order(whole.size(), seed, stream, 0);
  Tensor part = std::get<0>(order.narrow(0, 0, count).sort());
  Tensor rest = std::get<0>(order.narrow(0, count, whole.size() - count).sort());
  return {whole.chosen(rest), whole.chosen(part)};
}

}  // namespace diffeo
