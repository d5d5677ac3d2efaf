#include "data/dataset.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "core/error.h"
#include "core/noise.h"
#include "data/host.h"

namespace diffeo {
namespace {

// Not by the rule of all other draws but by that of the first format of checkpoints, for ever: with
// another one, a run that was begun then would be scored on examples that it has learned from.
Tensor split_order(int64_t count, uint64_t seed, const std::string& stream) {
  std::mt19937 words(static_cast<uint32_t>(seed_of(seed_of(seed, stream), "order")));
  Tensor keys = at::empty({count}, host_options(at::kLong));
  auto* key = keys.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    uint64_t high = words(), low = words();
    key[i] = static_cast<int64_t>((high << 32 | low) & ((uint64_t{1} << 53) - 1));
  }
  return keys.argsort(/*stable=*/true, 0, /*descending=*/false);
}

// Of what an example may have beside itself.
Tensor rows(const Tensor& t, int64_t first, int64_t count) {
  return t.defined() ? t.narrow(0, first, count) : t;
}

// Rows of images with their channels last are gathered as they lie, each in one piece.
Tensor gathered(const Tensor& t, const Tensor& indices) {
  bool channels_last = t.dim() == 4 && !t.is_contiguous();
  return channels_last ? t.permute({0, 2, 3, 1}).index_select(0, indices).permute({0, 3, 1, 2})
                       : t.index_select(0, indices);
}

}  // namespace

Batch Batch::to(const at::TensorOptions& options) const {
  // A copy from pinned memory lets the host go on; one from ordinary memory first waits for the
  // device.
  auto moved = [&](const Tensor& t, at::ScalarType type) {
    bool pins = options.device().is_cuda() && t.device().is_cpu();
    return (pins ? t.pin_memory() : t).to(options.device(), type, /*non_blocking=*/pins);
  };
  at::ScalarType type = c10::typeMetaToScalarType(options.dtype());
  return {moved(x, x.scalar_type() == at::kDouble ? at::kDouble : type),
          labels.defined() ? moved(labels, at::kLong) : labels,
          context.defined() ? moved(context, type) : context};
}

Batch Batch::narrow(int64_t first, int64_t count) const {
  return {x.narrow(0, first, count), rows(labels, first, count), rows(context, first, count)};
}

Batch Dataset::slice(int64_t first, int64_t count) const {
  count = std::min(count, size() - first);
  Tensor some = examples.narrow(0, first, count);
  if (some.scalar_type() != at::kDouble) some = some.contiguous().to(at::kFloat);
  return {some, rows(labels, first, count), rows(context, first, count)};
}

Dataset Dataset::first(int64_t count) const {
  count = std::min(count, size());
  return {examples.narrow(0, 0, count), rows(labels, 0, count), rows(context, 0, count), note};
}

Dataset Dataset::chosen(const Tensor& indices) const {
  auto its = [&](const Tensor& t) { return t.defined() ? gathered(t, indices) : t; };
  return {its(examples), its(labels), its(context), note};
}

Cut cut(const Dataset& whole, double fraction, uint64_t seed, const std::string& stream) {
  int64_t count = std::max<int64_t>(1, std::llround(fraction * whole.size()));
  require(count < whole.size(), Exit::kData, stream, ": a fraction of ", fraction, " of ",
          whole.size(), " examples leaves none to train on");
  Tensor order = split_order(whole.size(), seed, stream);
  Tensor part = std::get<0>(order.narrow(0, 0, count).sort());
  Tensor rest = std::get<0>(order.narrow(0, count, whole.size() - count).sort());
  return {whole.chosen(rest), whole.chosen(part)};
}

}  // namespace diffeo
