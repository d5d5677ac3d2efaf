#include "commands/sample_files.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "io/npy.h"
#include "io/png.h"
#include "pictures/image_grid.h"
#include "pictures/plane.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

Tensor picture_of(const Samples& samples, const Tensor& values) {
  if (!samples.are_images) return scatter_picture(values, box_around(values));
  return image_grid({values}, square_columns(values.size(0)));
}

// As most programs that read npy lay images out.
Tensor channels_last(const Tensor& images) {
  return images.size(1) == 1 ? images.squeeze(1) : images.permute({0, 2, 3, 1}).contiguous();
}

}  // namespace

SampleFormat format_of(const fs::path& path) {
  std::error_code none;
  if (path.has_parent_path() && !fs::is_directory(path.parent_path(), none)) {
    fail(Exit::kUsage, "--out: ", path.string(), ": no such folder: ", path.parent_path().string());
  }
  if (path.extension() == ".png") return SampleFormat::kPng;
  if (path.extension() == ".npy") return SampleFormat::kNpy;
  if (path.extension() == ".safetensors") return SampleFormat::kSafetensors;
  fail(Exit::kUsage, "--out: expected a file that ends in .png, .npy or .safetensors, found '",
       path.string(), "'");
}

bool has_picture(const Shape& shape) {
  return shape == Shape{2} || (shape.size() == 3 && (shape[0] == 1 || shape[0] == 3));
}

void save_samples(const fs::path& path, const Samples& samples) {
  Tensor values =
      samples.are_images ? samples.values.round().clamp(0, 255).to(at::kByte) : samples.values;
  switch (format_of(path)) {
    case SampleFormat::kPng:
      return save_png(path, picture_of(samples, values),
                      {samples.metadata.begin(), samples.metadata.end()});
    case SampleFormat::kNpy:
      return save_npy(path, samples.are_images ? channels_last(values) : values);
    case SampleFormat::kSafetensors: break;
  }
  NamedTensors tensors{{"samples", values}, {"latents", samples.latents}};
  if (samples.labels.defined()) tensors["labels"] = samples.labels;
  save_safetensors(path, tensors, samples.metadata);
}

}  // namespace diffeo
