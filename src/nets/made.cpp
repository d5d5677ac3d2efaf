#include "nets/made.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "nets/gated_blocks.h"
#include "nets/made_growth.h"

namespace diffeo {
namespace {

Tensor masked(const Dense& layer, const Tensor& mask, const Tensor& x) {
  return at::linear(x, layer.weight() * mask, layer.bias());
}

// Places of the values in rising order, equal ones as they stand.
std::vector<int64_t> places_by(const std::vector<int64_t>& values) {
  std::vector<int64_t> places(values.size());
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](int64_t a, int64_t b) {
    return values[static_cast<size_t>(a)] < values[static_cast<size_t>(b)];
  });
  return places;
}

Tensor indices(const std::vector<int64_t>& values, const Site& site) {
  Tensor on_host = at::tensor(values, site.options.device(at::kCPU).dtype(at::kLong));
  return on_host.to(site.options.device());
}

}  // namespace

std::vector<int64_t> made_degrees(int64_t units, int64_t groups, int64_t lowest) {
  lowest = std::min(lowest, groups - 1);
  std::vector<int64_t> degrees(static_cast<size_t>(units));
  for (int64_t i = 0; i < units; ++i)
    degrees[static_cast<size_t>(i)] = lowest + i % std::max<int64_t>(1, groups - lowest);
  return degrees;
}

Tensor made_mask(const std::vector<int64_t>& to, const std::vector<int64_t>& from, bool strictly,
                 const Site& site) {
  Tensor higher = indices(to, site).unsqueeze(1), lower = indices(from, site).unsqueeze(0);
  return (strictly ? higher > lower : higher >= lower).to(site.options);
}

Made::Made(const MadeConfig& config, const Site& site, MadeOrder order)
    : Conditioner(site),
      path_(site.path),
      dropout_(config.dropout),
      kind_(config.blocks),
      activation_(config.activation),
      order_(std::move(order)) {
  int64_t groups = static_cast<int64_t>(order_.rows.size());
  context_ = site.features.empty() ? 0 : site.features[0];
  int64_t lowest = context_ > 0 && config.first_reads_context ? 0 : 1;
  units_ = made_degrees(config.hidden, groups, lowest);
  require(config.hidden >= groups - lowest, "net: ", config.hidden,
          " hidden units have the degrees ", lowest, " to ", units_.back(),
          ", so no coordinate would depend on those after place ", units_.back(),
          " of the order; hidden must be at least ", groups - lowest);
  build(config, site);
  sort_units(site);
}

void Made::build(const MadeConfig& config, const Site& site) {
  bool plain = kind_ == MadeBlocks::kPlain;
  int64_t inputs = site.input[0], outputs = 0, width = config.hidden;
  std::vector<int64_t> of_rows;
  for (size_t g = 0; g < order_.rows.size(); ++g)
    outputs += static_cast<int64_t>(order_.rows[g].size());
  of_rows.resize(static_cast<size_t>(outputs));
  for (size_t g = 0; g < order_.rows.size(); ++g)
    for (int64_t row : order_.rows[g])
      of_rows[static_cast<size_t>(row)] = static_cast<int64_t>(g) + 1;
  auto dense = [&](const std::string& name, int64_t from, int64_t to,
                   std::optional<double> bound = {}) {
    return register_module(
        name, std::make_shared<Dense>(site.inside(name, site.input), from, to, 1, bound));
  };
  std::vector<int64_t> read = order_.degrees;
  if (plain) read.insert(read.end(), static_cast<size_t>(context_), 0);
  first_mask_ = made_mask(units_, read, /*strictly=*/false, site);
  hidden_mask_ = made_mask(units_, units_, /*strictly=*/false, site);
  last_mask_ = made_mask(of_rows, units_, /*strictly=*/true, site);
  first_ = dense("first", inputs + (plain ? context_ : 0), width);
  if (!plain && context_ > 0) context_layer_ = dense("context", context_, width);
  for (int64_t i = plain ? 1 : 0; i < config.depth; ++i) {
    const std::string name = joined(plain ? "hidden" : "block", i);
    if (plain) {
      blocks_.push_back({dense(name, width, width), nullptr, nullptr});
    } else {
      blocks_.push_back({dense(name + "_first", width, width),
                         dense(name + "_second", width, width, 1e-3),
                         context_ > 0 ? dense(name + "_context", context_, width) : nullptr});
    }
  }
  last_ = dense("last", width, outputs);
}

void Made::sort_units(const Site& site) {
  std::vector<int64_t> rows;
  for (const auto& of_group : order_.rows)
    rows.insert(rows.end(), of_group.begin(), of_group.end());
  sorted_units_ = indices(places_by(units_), site);
  sorted_inputs_ = indices(places_by(order_.degrees), site);
  sorted_rows_ = indices(rows, site);
}

Tensor Made::activated(const Tensor& h) const {
  switch (activation_) {
    case Activation::kRelu: return h.relu();
    case Activation::kTanh: return h.tanh();
    case Activation::kElu: return at::elu(h);
  }
  fail("made: unknown activation");
}

Tensor Made::read(const Tensor& x, const Tensor& features) const {
  return kind_ == MadeBlocks::kPlain ? Conditioner::read(x, features) : x;
}

Tensor Made::do_forward(const Tensor& x, const Pass& pass) {
  int64_t drawn = 0;
  auto dropped = [&](const Tensor& t) {
    return dropped_out(t, dropout_, pass, joined(path_, ".dropout", drawn++));
  };
  Tensor h = masked(*first_, first_mask_, x);
  if (kind_ == MadeBlocks::kPlain) {
    for (const Block& block : blocks_)
      h = masked(*block.first, hidden_mask_, dropped(activated(h)));
    return masked(*last_, last_mask_, dropped(activated(h)));
  }
  if (context_layer_) h = h + activated(context_layer_->forward(pass.features));
  for (const Block& block : blocks_) {
    Tensor inner = masked(*block.first, hidden_mask_, activated(h));
    if (block.context) inner = inner + block.context->forward(pass.features);
    h = h + masked(*block.second, hidden_mask_, dropped(activated(inner)));
  }
  return masked(*last_, last_mask_, h);
}

Tensor Made::in_order(const Tensor& like, const Pass& pass, const GroupValues& values) const {
  require(context_ == 0 || pass.features.defined(), "this pass needs a context of ", context_,
          " numbers");
  MadeGrowth growth(*this, like, pass);
  for (size_t g = 0; g < order_.rows.size(); ++g) {
    growth.grow(static_cast<int64_t>(g));
    Tensor numbers = growth.next_numbers(static_cast<int64_t>(order_.rows[g].size()));
    growth.learn(values(static_cast<int64_t>(g), numbers));
  }
  return growth.coordinates();
}

}  // namespace diffeo
