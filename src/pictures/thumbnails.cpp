#include "pictures/thumbnails.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace diffeo {
namespace {

constexpr int64_t kSmall = 48, kThin = 16, kMostEnlarged = 512;
constexpr int64_t kWhitePixel = 255;

struct Size {
  int64_t height, width;
  int64_t longer() const { return std::max(height, width); }
  int64_t shorter() const { return std::min(height, width); }
};

Size size_of(const Tensor& images) { return {images.size(2), images.size(3)}; }

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// [N, C, H, W] -> [N, 1, H, C * (W + 1) - 1], a white line between the channels.
Tensor channels_side_by_side(const Tensor& images) {
  Tensor framed = at::constant_pad_nd(images, {0, 1}, kWhitePixel).permute({0, 2, 1, 3});
  Tensor row = framed.reshape({images.size(0), 1, images.size(2), -1});
  return row.narrow(3, 0, row.size(3) - 1);
}

// Each pixel the mean of `by` times `by`, as far as there are so many.
Tensor reduced(const Tensor& images, int64_t by) {
  Size size = size_of(images);
  Shape smaller{std::max<int64_t>(size.height / by, 1), std::max<int64_t>(size.width / by, 1)};
  return at::adaptive_avg_pool2d(images.to(at::kFloat), smaller).round().to(at::kByte);
}

// How often each row and column is repeated: squares first, then what is thin still.
Size enlargement(const Size& size) {
  int64_t square = std::min(divided_up(kSmall, size.shorter()), kMostEnlarged / size.longer());
  square = std::max<int64_t>(square, 1);
  int64_t across = std::max<int64_t>(divided_up(kThin, size.shorter() * square), 1);
  bool is_wide = size.width > size.height;
  return {is_wide ? square * across : square, is_wide ? square : square * across};
}

// Where images of one size stand in a picture that has no more than its pixels a side.
struct Layout {
  int64_t columns, rows;  // rows: of a block, at most; 0 where not even one fits
};

Layout layout_for(const Size& size, int64_t columns, int64_t count, int64_t blocks, int64_t gap,
                  int64_t between) {
  double ratio = static_cast<double>(size.height) / static_cast<double>(size.width);
  bool is_long = ratio > 2 || ratio < 0.5;
  if (is_long) columns = std::llround(static_cast<double>(columns) * std::sqrt(ratio));
  int64_t most_columns = (kMostGridPixels - gap) / (size.width + gap);
  int64_t most_rows = (kMostGridPixels / blocks - gap - between) / (size.height + gap);
  columns = std::max({columns, divided_up(count, std::max<int64_t>(most_rows, 1)), int64_t{1}});
  return {std::min({columns, most_columns, count}), most_rows};
}

// "the first 3 of 5 images", or nothing where all are there.
std::string part_text(int64_t shown, int64_t all, const char* what) {
  return shown < all ? joined("the first ", shown, " of ", all, " ", what) : "";
}

void add(std::string& note, const std::string& text) {
  if (!text.empty()) note += (note.empty() ? "" : "; ") + text;
}

}  // namespace

Thumbnails thumbnails(std::vector<Tensor> blocks, int64_t columns, int64_t gap, int64_t between) {
  std::string note;
  int64_t channels = blocks.at(0).size(1), count = 1;
  if (channels != 1 && channels != 3) {
    for (Tensor& images : blocks) images = channels_side_by_side(images);
    note = joined("the ", channels, " channels side by side");
  }
  Size size = size_of(blocks[0]);
  int64_t by = divided_up(size.longer(), kMostGridPixels - 2 * gap - between);
  if (by > 1) {
    for (Tensor& images : blocks) images = reduced(images, by);
    size = size_of(blocks[0]);
    add(note, joined("at 1/", by, " of their size"));
  }
  for (const Tensor& images : blocks) count = std::max(count, images.size(0));

  size_t all_blocks = blocks.size();
  int64_t most_blocks = kMostGridPixels / (size.height + 2 * gap + between);
  blocks.resize(std::min(all_blocks, static_cast<size_t>(most_blocks)));
  auto block_count = static_cast<int64_t>(blocks.size());
  add(note, part_text(block_count, static_cast<int64_t>(all_blocks), "blocks"));

  // Rather small images than few.
  Size times = enlargement(size), enlarged = {size.height * times.height, size.width * times.width};
  Layout layout = layout_for(enlarged, columns, count, block_count, gap, between);
  if (layout.columns * layout.rows < count) {
    times = {1, 1};
    layout = layout_for(size, columns, count, block_count, gap, between);
  }
  int64_t shown = std::min(count, layout.columns * layout.rows);
  add(note, part_text(shown, count, "images"));
  for (Tensor& images : blocks) {
    images = images.narrow(0, 0, std::min(shown, images.size(0)))
                 .repeat_interleave(times.height, 2)
                 .repeat_interleave(times.width, 3);
  }
  return {std::move(blocks), layout.columns, note};
}

}  // namespace diffeo
