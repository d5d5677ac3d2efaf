#include "data/statistics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "data/host.h"

namespace diffeo {
namespace {

constexpr int64_t kValues = 256;

// -> [256] int64: how often each value occurs.
Tensor value_counts(const Tensor& images) {
  constexpr int64_t kPixelsOfBlock = int64_t{1} << 22;
  Tensor counts = at::zeros({kValues}, host_options(at::kLong));
  int64_t of_example = std::max<int64_t>(1, numel(event_shape(images)));
  int64_t rows = std::max<int64_t>(1, kPixelsOfBlock / of_example);
  for (int64_t first = 0; first < images.size(0); first += rows) {
    Tensor block = images.narrow(0, first, std::min(rows, images.size(0) - first));
    counts += at::bincount(block.reshape({-1}), {}, kValues);
  }
  return counts;
}

}  // namespace

PixelFacts pixel_facts(const Tensor& images) {
  Tensor counts = value_counts(images), found = counts.nonzero().squeeze(1);
  Tensor values = at::arange(kValues, host_options(at::kDouble));
  Tensor shares = counts.to(at::kDouble) / counts.sum();
  double mean = (shares * values).sum().item<double>();
  double variance = (shares * (values - mean).square()).sum().item<double>();
  return {.least = found[0].item<int64_t>(),
          .greatest = found[-1].item<int64_t>(),
          .levels = found.size(0),
          .mean = mean,
          .deviation = std::sqrt(variance)};
}

std::vector<ColumnFacts> column_facts(const Tensor& vectors) {
  std::vector<ColumnFacts> facts;
  for (int64_t d = 0; d < vectors.size(1); ++d) {
    Tensor column = std::get<0>(vectors.select(1, d).to(at::kDouble).sort());
    int64_t count = column.size(0);
    Tensor steps = column.narrow(0, 1, count - 1) != column.narrow(0, 0, count - 1);
    double mean = column.mean().item<double>();
    facts.push_back({.least = column[0].item<double>(),
                     .greatest = column[-1].item<double>(),
                     .mean = mean,
                     .deviation = std::sqrt((column - mean).square_().mean().item<double>()),
                     .distinct = 1 + steps.sum().item<int64_t>()});
  }
  return facts;
}

std::vector<int64_t> class_counts(const Tensor& labels, int64_t classes) {
  Tensor counts = at::bincount(labels, {}, classes);
  const auto* first = counts.const_data_ptr<int64_t>();
  return {first, first + counts.size(0)};
}

}  // namespace diffeo
