#include "io/photo.h"

#include <ATen/ATen.h>

#include "io/files.h"
#include "io/jpeg.h"
#include "io/picture_limits.h"
#include "io/png.h"

namespace diffeo {
namespace {

Tensor in_bytes(const Tensor& picture) { return picture.round().clamp(0, 255).to(at::kByte); }

// [C + 1, H, W], the last channel the opacity -> [C, H, W]
Tensor on_white(const Tensor& picture) {
  int64_t colours = picture.size(0) - 1;
  Tensor opacity = picture.narrow(0, colours, 1).to(at::kFloat) / 255;
  return in_bytes(picture.narrow(0, 0, colours) * opacity + 255 * (1 - opacity));
}

Tensor luma(const Tensor& picture) {
  Tensor x = picture.to(at::kFloat);
  return in_bytes(0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]).unsqueeze(0);
}

}  // namespace

Tensor parse_photo(std::string_view bytes, int64_t channels, const std::string& place, Exit exit) {
  Tensor picture =
      begins_as_jpeg(bytes) ? parse_jpeg(bytes, place, exit) : parse_png(bytes, place, exit);
  if (picture.size(0) % 2 == 0) picture = on_white(picture);
  if (picture.size(0) == channels) return picture;
  return channels == 1 ? luma(picture) : picture.expand({channels, -1, -1}).contiguous();
}

Tensor load_photo(const std::filesystem::path& path, int64_t channels, Exit exit) {
  return parse_photo(read_file(path, kMostPictureBytes, exit), channels, path.string(), exit);
}

}  // namespace diffeo
