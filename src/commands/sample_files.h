#pragma once

#include <filesystem>

#include "io/safetensors.h"

namespace diffeo {

// How samples are kept, told by a file's ending.
enum class SampleFormat {
  kPng,  // a grid of images, or the plane with points
  kNpy,  // images [N, H, W] or [N, H, W, C] uint8, vectors [N, D] float32
  // "samples" [N, ...] as in npy but channels first, "latents" [N, D], "labels" [N], metadata
  kSafetensors,
};

// Throws Exit::kUsage for any other ending, and for a folder that is not there.
SampleFormat format_of(const std::filesystem::path& path);

// Whether examples of this shape can be a picture.
bool has_picture(const Shape& shape);

struct Samples {
  Tensor values;    // [N, ...] on the host
  bool are_images;  // whole numbers 0 … 255
  Metadata metadata;
  Tensor latents = {};  // [N, D] on the host; needed for safetensors alone
  Tensor labels = {};   // [N] int64; undefined: none
};

// Throws Exit::kUsage where the examples have no picture and a picture is wanted.
void save_samples(const std::filesystem::path& path, const Samples& samples);

}  // namespace diffeo
