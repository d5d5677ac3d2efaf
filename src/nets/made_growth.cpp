#include "nets/made_growth.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace diffeo {
namespace {

SortedLayer sorted_layer(const Dense& layer, const Tensor& mask, const Tensor& rows,
                         const Tensor& columns) {
  Tensor weight = layer.weight() * mask;
  return {weight.index_select(0, rows).index_select(1, columns),
          layer.bias().index_select(0, rows)};
}

}  // namespace

Known::Known(const Tensor& like, int64_t units) : buffer_(like.new_zeros({like.size(0), units})) {}

void Known::append(const Tensor& columns) {
  if (at::GradMode::is_enabled()) {
    buffer_ = at::cat({so_far(), columns}, 1);
  } else {
    buffer_.narrow(1, count_, columns.size(1)).copy_(columns);
  }
  count_ += columns.size(1);
}

Tensor SortedLayer::rows(const Known& known, int64_t first, int64_t count) const {
  Tensor x = known.so_far();
  return at::linear(x, weight.narrow(0, first, count).narrow(1, 0, x.size(1)),
                    bias.narrow(0, first, count));
}

MadeGrowth::MadeGrowth(const Made& net, const Tensor& like, const Pass& pass)
    : net_(net), plain_(net.kind_ == MadeBlocks::kPlain), inputs_(like, like.size(1)) {
  const Tensor &units = net.sorted_units_, &inputs = net.sorted_inputs_;
  int64_t width = units.size(0);
  first_ = sorted_layer(*net.first_, net.first_mask_, units, inputs);
  last_ = sorted_layer(*net.last_, net.last_mask_, net.sorted_rows_, units);
  for (const auto& block : net.blocks_) {
    layers_.push_back(sorted_layer(*block.first, net.hidden_mask_, units, units));
    if (!plain_) layers_.push_back(sorted_layer(*block.second, net.hidden_mask_, units, units));
  }
  for (size_t i = 0; i <= layers_.size(); ++i) known_.emplace_back(like, width);
  if (net.context_ > 0) read_context(pass);
}

void MadeGrowth::grow(int64_t degree) {
  int64_t count = std::count(net_.units_.begin(), net_.units_.end(), degree);
  if (count == 0) return;
  Tensor h = added(first_.rows(inputs_, done_, count), 0, count);
  if (plain_) grow_plain(h, count);
  else grow_residual(h, count);
  done_ += count;
}

Tensor MadeGrowth::next_numbers(int64_t rows) {
  Tensor numbers = last_.rows(known_.back(), rows_done_, rows);
  rows_done_ += rows;
  return numbers;
}

Tensor MadeGrowth::coordinates() const {
  return inputs_.so_far().index_select(1, net_.sorted_inputs_.argsort());
}

void MadeGrowth::read_context(const Pass& pass) {
  const Tensor& units = net_.sorted_units_;
  if (plain_) {
    Tensor weight = net_.first_->weight();
    Tensor columns = weight.narrow(1, weight.size(1) - net_.context_, net_.context_);
    from_context_.push_back(at::linear(pass.features, columns).index_select(1, units));
    return;
  }
  from_context_.push_back(
      net_.activated(net_.context_layer_->forward(pass.features)).index_select(1, units));
  for (const auto& block : net_.blocks_)
    from_context_.push_back(block.context->forward(pass.features).index_select(1, units));
}

Tensor MadeGrowth::added(const Tensor& h, size_t layer, int64_t count) const {
  return from_context_.empty() ? h : h + from_context_[layer].narrow(1, done_, count);
}

void MadeGrowth::grow_plain(const Tensor& h, int64_t count) {
  known_[0].append(net_.activated(h));
  for (size_t i = 0; i < layers_.size(); ++i)
    known_[i + 1].append(net_.activated(layers_[i].rows(known_[i], done_, count)));
}

// The last of known_ is what reaches the output, which no activation precedes.
void MadeGrowth::grow_residual(Tensor h, int64_t count) {
  for (size_t i = 0; i < layers_.size(); i += 2) {
    known_[i].append(net_.activated(h));
    Tensor inner = added(layers_[i].rows(known_[i], done_, count), i / 2 + 1, count);
    known_[i + 1].append(net_.activated(inner));
    h = h + layers_[i + 1].rows(known_[i + 1], done_, count);
  }
  known_.back().append(h);
}

}  // namespace diffeo
