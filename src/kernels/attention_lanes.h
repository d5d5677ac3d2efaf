#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/vector_rows.h"

namespace diffeo {

// One head's numbers, [depth, positions] each, a channel's positions together.
template <class T>
struct AttentionHead {
  T *queries, *keys, *values;
  int64_t depth, positions;
};

// Attention of a block of queries to a tile of keys. The queries stand in lanes, in kWidth
// registers side by side; what belongs to a key is the same for all of them. So three products do
// all the work, each held in registers while it is summed, and no score is ever moved to another
// lane.
template <class V>
struct AttentionTile {
  using T = lanes::NumberOf<V>;
  static constexpr int kWidth = sizeof(V) == 64 ? 4 : 2;  // 16 registers of sums, or 8
  static constexpr int64_t kQueries = kWidth * lanes::kCount<V>;
  static constexpr int64_t kKeys = 32;

  int64_t first, count;   // keys
  int64_t depth, stride;  // from one channel to the next

  // tile[j] = sum over c of block[c] columns[c][j]: scores, of queries and keys.
  [[gnu::always_inline]] void scores(const V* block, const T* columns, V* tile) const {
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) score<4>(block, columns + first + j, tile + j * kWidth);
    for (; j < count; ++j) score<1>(block, columns + first + j, tile + j * kWidth);
  }

  // sums[c] += sum over j of tile[j] columns[c][j]: what the weights take of the values.
  [[gnu::always_inline]] void mix(const V* tile, const T* columns, V* sums) const {
    int64_t c = 0;
    for (; c + 4 <= depth; c += 4)
      mix_rows<4>(tile, columns + c * stride + first, sums + c * kWidth);
    for (; c < depth; ++c) mix_rows<1>(tile, columns + c * stride + first, sums + c * kWidth);
  }

  // sums[c][j] += sum over the registers of tile[j] block[c]: what the keys get from the queries,
  // to be summed over the lanes at the end.
  [[gnu::always_inline]] void gather(const V* tile, const V* block, V* sums) const {
    int64_t c = 0;
    for (; c + 4 <= depth; c += 4) gather_rows<4>(tile, block + c * kWidth, sums + c * kKeys);
    for (; c < depth; ++c) gather_rows<1>(tile, block + c * kWidth, sums + c * kKeys);
  }

 private:
  template <int kMany>
  [[gnu::always_inline]] void score(const V* block, const T* columns, V* tile) const {
    V sums[kMany][kWidth] = {};
    for (int64_t c = 0; c < depth; ++c) {
#pragma GCC unroll 4
      for (int j = 0; j < kMany; ++j)
#pragma GCC unroll 4
        for (int w = 0; w < kWidth; ++w)
          sums[j][w] += block[c * kWidth + w] * columns[c * stride + j];
    }
#pragma GCC unroll 4
    for (int j = 0; j < kMany; ++j)
#pragma GCC unroll 4
      for (int w = 0; w < kWidth; ++w) tile[j * kWidth + w] = sums[j][w];
  }

  template <int kMany>
  [[gnu::always_inline]] void mix_rows(const V* tile, const T* columns, V* out) const {
    V sums[kMany][kWidth];
#pragma GCC unroll 4
    for (int c = 0; c < kMany; ++c)
#pragma GCC unroll 4
      for (int w = 0; w < kWidth; ++w) sums[c][w] = out[c * kWidth + w];
    for (int64_t j = 0; j < count; ++j) {
#pragma GCC unroll 4
      for (int c = 0; c < kMany; ++c)
#pragma GCC unroll 4
        for (int w = 0; w < kWidth; ++w)
          sums[c][w] += tile[j * kWidth + w] * columns[c * stride + j];
    }
#pragma GCC unroll 4
    for (int c = 0; c < kMany; ++c)
#pragma GCC unroll 4
      for (int w = 0; w < kWidth; ++w) out[c * kWidth + w] = sums[c][w];
  }

  template <int kRows>
  [[gnu::always_inline]] void gather_rows(const V* tile, const V* block, V* out) const {
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) gather_square<kRows, 4>(tile + j * kWidth, block, out + j);
    for (; j < count; ++j) gather_square<kRows, 1>(tile + j * kWidth, block, out + j);
  }

  template <int kRows, int kMany>
  [[gnu::always_inline]] void gather_square(const V* tile, const V* block, V* out) const {
    V sums[kRows][kMany];
#pragma GCC unroll 4
    for (int c = 0; c < kRows; ++c)
#pragma GCC unroll 4
      for (int j = 0; j < kMany; ++j) sums[c][j] = out[c * kKeys + j];
#pragma GCC unroll 4
    for (int w = 0; w < kWidth; ++w)
#pragma GCC unroll 4
      for (int c = 0; c < kRows; ++c)
#pragma GCC unroll 4
        for (int j = 0; j < kMany; ++j) sums[c][j] += tile[j * kWidth + w] * block[c * kWidth + w];
#pragma GCC unroll 4
    for (int c = 0; c < kRows; ++c)
#pragma GCC unroll 4
      for (int j = 0; j < kMany; ++j) out[c * kKeys + j] = sums[c][j];
  }
};

// The numbers of a block of queries, [depth] with the queries in lanes, from or to [depth,
// positions].
template <class V>
struct QueryBlock {
  using T = lanes::NumberOf<V>;
  static constexpr int kWidth = AttentionTile<V>::kWidth;

  int64_t first, depth, positions;

  // Zeros beyond the last query.
  [[gnu::always_inline]] void read(const T* from, V* block) const {
    for (int64_t c = 0; c < depth; ++c)
      for (int w = 0; w < kWidth; ++w) block[c * kWidth + w] = read_row(from + c * positions, w);
  }
  [[gnu::always_inline]] V read_row(const T* row, int w) const {
    int64_t at_lane = first + w * lanes::kCount<V>;
    return at_lane < positions ? lanes::load_first<V>(row + at_lane, positions - at_lane) : V{};
  }
  [[gnu::always_inline]] void write_row(V numbers, T* row, int w) const {
    int64_t at_lane = first + w * lanes::kCount<V>;
    if (at_lane < positions) lanes::store_first<V>(numbers, row + at_lane, positions - at_lane);
  }
};

// The forward pass of one head: tile by tile of keys, with sums relative to the largest score so
// far (Milakov & Gimelshein 2018).
template <class V>
class HeadAttention {
 public:
  using T = lanes::NumberOf<V>;
  using Tile = AttentionTile<V>;
  static constexpr int kWidth = Tile::kWidth;

  [[gnu::always_inline]] explicit HeadAttention(int64_t depth)
      : depth_(depth), memory_((2 * depth + Tile::kKeys + 2) * kWidth) {
    queries_ = memory_.data();
    sums_ = queries_ + depth * kWidth;
    tile_ = sums_ + depth * kWidth;
    top_ = tile_ + Tile::kKeys * kWidth;
    mass_ = top_ + kWidth;
  }

  // out [depth, positions]; log_sums [positions]: log of the sum of exp(score).
  [[gnu::always_inline]] void attend(const AttentionHead<const T>& head, T* out,
                                     T* log_sums) const {
    const T scale = T(1 / std::sqrt(static_cast<double>(depth_)));
    for (int64_t first = 0; first < head.positions; first += Tile::kQueries) {
      QueryBlock<V> block{first, depth_, head.positions};
      block.read(head.queries, queries_);
      for (int64_t i = 0; i < depth_ * kWidth; ++i) queries_[i] *= scale;
      attend_block(head);
      for (int w = 0; w < kWidth; ++w) {
        V factor = 1 / mass_[w];
        for (int64_t c = 0; c < depth_; ++c)
          block.write_row(sums_[c * kWidth + w] * factor, out + c * head.positions, w);
        block.write_row(top_[w] + lanes::log(mass_[w]), log_sums, w);
      }
    }
  }

 private:
  [[gnu::always_inline]] void attend_block(const AttentionHead<const T>& head) const {
    std::fill_n(sums_, depth_ * kWidth, V{});
    std::fill_n(top_, kWidth, lanes::all<V>(-std::numeric_limits<T>::infinity()));
    std::fill_n(mass_, kWidth, V{});
    for (int64_t first = 0; first < head.positions; first += Tile::kKeys) {
      Tile tile{first, std::min(Tile::kKeys, head.positions - first), depth_, head.positions};
      tile.scores(queries_, head.keys, tile_);
      for (int w = 0; w < kWidth; ++w) weigh(tile_ + w, tile.count, w);
      tile.mix(tile_, head.values, sums_);
    }
  }

  // Scores to weights, relative to the largest score so far; what was summed before follows it.
  [[gnu::always_inline]] void weigh(V* column, int64_t count, int w) const {
    V top = top_[w];
    for (int64_t j = 0; j < count; ++j) top = lanes::larger(top, column[j * kWidth]);
    V shrink = lanes::exp(top_[w] - top), mass = mass_[w] * shrink;
    for (int64_t c = 0; c < depth_; ++c) sums_[c * kWidth + w] *= shrink;
    for (int64_t j = 0; j < count; ++j) {
      column[j * kWidth] = lanes::exp(column[j * kWidth] - top);
      mass += column[j * kWidth];
    }
    top_[w] = top;
    mass_[w] = mass;
  }

  int64_t depth_;
  mutable lanes::Scratch<V> memory_;
  V *queries_, *sums_, *tile_;
  V *top_, *mass_;  // of each query
};

// The backward pass of one head. With P the weights and D = sum over c of out by_out for each
// query, the gradient by the scores is P (by_out . v - D) (Dao et al. 2022, appendix B.4): the
// weights are made anew from the logarithms of the sums, a tile of keys at a time with all queries.
template <class V>
class HeadAttentionGradient {
 public:
  using T = lanes::NumberOf<V>;
  using Tile = AttentionTile<V>;
  static constexpr int kWidth = Tile::kWidth;

  [[gnu::always_inline]] HeadAttentionGradient(int64_t depth, int64_t positions)
      : depth_(depth),
        positions_(positions),
        blocks_((positions + Tile::kQueries - 1) / Tile::kQueries),
        memory_(blocks_ * block_size() + 2 * Tile::kKeys * (depth + kWidth)) {
    weights_ = memory_.data() + blocks_ * block_size();
    by_scores_ = weights_ + Tile::kKeys * kWidth;
    by_keys_ = by_scores_ + Tile::kKeys * kWidth;
    by_values_ = by_keys_ + Tile::kKeys * depth;
  }

  [[gnu::always_inline]] void differentiate(const AttentionHead<const T>& head, const T* out,
                                            const T* log_sums, const T* by_out,
                                            const AttentionHead<T>& by) const {
    const T scale = T(1 / std::sqrt(static_cast<double>(depth_)));
    for (int64_t n = 0; n < blocks_; ++n)
      read(block(n), head.queries, scale, out, log_sums, by_out);
    for (int64_t first = 0; first < positions_; first += Tile::kKeys) {
      Tile tile{first, std::min(Tile::kKeys, positions_ - first), depth_, positions_};
      std::fill_n(by_keys_, 2 * Tile::kKeys * depth_, V{});
      for (int64_t n = 0; n < blocks_; ++n) differentiate_block(tile, block(n), head);
      write_sums(tile, by_keys_, by.keys);
      write_sums(tile, by_values_, by.values);
    }
    for (int64_t n = 0; n < blocks_; ++n) write(block(n), by.queries, scale);
  }

 private:
  // What belongs to a block of queries; the queries are scaled.
  struct Block {
    QueryBlock<V> place;
    V *queries, *by_out, *by_queries;  // [depth]
    V *log_sums, *along;               // along: D
  };

  int64_t block_size() const { return (3 * depth_ + 2) * kWidth; }

  [[gnu::always_inline]] Block block(int64_t n) const {
    V* queries = memory_.data() + n * block_size();
    V *by_out = queries + depth_ * kWidth, *by_queries = by_out + depth_ * kWidth,
      *log_sums = by_queries + depth_ * kWidth;
    return {{n * Tile::kQueries, depth_, positions_},
            queries,
            by_out,
            by_queries,
            log_sums,
            log_sums + kWidth};
  }

  [[gnu::always_inline]] void read(const Block& b, const T* queries, T scale, const T* out,
                                   const T* log_sums, const T* by_out) const {
    b.place.read(queries, b.queries);
    b.place.read(by_out, b.by_out);
    std::fill_n(b.by_queries, depth_ * kWidth, V{});
    for (int64_t i = 0; i < depth_ * kWidth; ++i) b.queries[i] *= scale;
    for (int w = 0; w < kWidth; ++w) {
      b.log_sums[w] = b.place.read_row(log_sums, w);
      b.along[w] = V{};
      for (int64_t c = 0; c < depth_; ++c)
        b.along[w] += b.place.read_row(out + c * positions_, w) * b.by_out[c * kWidth + w];
    }
  }

  [[gnu::always_inline]] void differentiate_block(const Tile& tile, const Block& b,
                                                  const AttentionHead<const T>& head) const {
    tile.scores(b.queries, head.keys, weights_);
    tile.scores(b.by_out, head.values, by_scores_);
    for (int64_t j = 0; j < tile.count; ++j) {
      for (int w = 0; w < kWidth; ++w) {
        V weight = lanes::exp(weights_[j * kWidth + w] - b.log_sums[w]);
        weights_[j * kWidth + w] = weight;
        by_scores_[j * kWidth + w] = weight * (by_scores_[j * kWidth + w] - b.along[w]);
      }
    }
    tile.gather(weights_, b.by_out, by_values_);
    tile.gather(by_scores_, b.queries, by_keys_);
    tile.mix(by_scores_, head.keys, b.by_queries);
  }

  [[gnu::always_inline]] void write_sums(const Tile& tile, const V* sums, T* columns) const {
    for (int64_t c = 0; c < depth_; ++c)
      for (int64_t j = 0; j < tile.count; ++j)
        columns[c * positions_ + tile.first + j] = lanes::sum(sums[c * Tile::kKeys + j]);
  }

  [[gnu::always_inline]] void write(const Block& b, T* by_queries, T scale) const {
    for (int64_t c = 0; c < depth_; ++c)
      for (int w = 0; w < kWidth; ++w)
        b.place.write_row(b.by_queries[c * kWidth + w] * scale, by_queries + c * positions_, w);
  }

  int64_t depth_, positions_, blocks_;
  mutable lanes::Scratch<V> memory_;
  V *weights_, *by_scores_;  // tiles
  V *by_keys_, *by_values_;  // [depth, kKeys] of the tile, lanes yet to be summed
};

}  // namespace diffeo
