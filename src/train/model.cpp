#include "train/model.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace diffeo {

std::shared_ptr<Flow> build_flow(const Config& config, const at::TensorOptions& options) {
  Site site{.input = data_shape(config.data),
            .classes = data_classes(config.data),
            .options = options,
            .seed = static_cast<uint64_t>(config.seed)};
  return std::make_shared<Flow>(config.flow, site, config.base);
}

Batch moved(const Batch& batch, const at::TensorOptions& options) {
  // A copy from pinned memory lets the host go on; one from ordinary memory first waits for the device.
  auto to = [&](const Tensor& t, at::ScalarType type) {
    bool pins = options.device().is_cuda() && t.device().is_cpu();
    return (pins ? t.pin_memory() : t).to(options.device(), type, /*non_blocking=*/pins);
  };
  at::ScalarType type = c10::typeMetaToScalarType(options.dtype());
  return {to(batch.x, type), batch.labels.defined() ? to(batch.labels, at::kLong) : batch.labels};
}

}  // namespace diffeo
