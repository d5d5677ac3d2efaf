#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "inference/sampling.h"
#include "io/safetensors.h"

namespace diffeo {

// How samples are kept, told by a file's ending.
enum class SampleFormat {
  kPng,  // a grid of images, or the plane with points
  kNpy,  // images [N, H, W] or [N, H, W, C] uint8, vectors [N, D] float32
  kCsv,  // vectors alone: a table with the names of the data's columns, and the class, if any
  // "samples" [N, ...] as in npy but channels first, "latents" [N, D], "labels" [N], metadata
  kSafetensors,
};

// Images [N, C, H, W] as most programs that read npy lay them out: [N, H, W, C], or [N, H, W].
Tensor channels_last(const Tensor& images);

// The endings of the files that samples may go to, and what each means.
std::vector<std::string> sample_endings();
SampleFormat format_of(const std::filesystem::path& path);

// What is known of samples before any is drawn.
struct SampleOutline {
  int64_t count;
  Shape shape;               // of one
  int64_t latents;           // numbers that it is made of, D
  at::ScalarType precision;  // of samples that are no images
  at::ScalarType latent_precision;
  bool are_images;  // whole numbers 0 … 255
  bool have_labels;
  std::vector<std::string> columns;  // what a table calls the numbers, and behind them the class
  Metadata metadata;
};

// What a table calls the numbers of an example, and behind them its class.
std::vector<std::string> table_columns(const DataConfig& data, bool have_labels);

// A file that takes samples batch by batch. npy and safetensors are written as they come, so that
// memory does not grow with their number; a picture needs all of them.
class SampleFile {
 public:
  virtual ~SampleFile() = default;  // without commit() nothing is left behind
  virtual void add(const SampleBatch& batch) = 0;
  virtual void commit() = 0;  // after all of them
};

// Throws before anything is drawn: where the file cannot be written, and Exit::kUsage where a
// picture is wanted of what has none, or of more samples than a picture can show.
std::unique_ptr<SampleFile> open_sample_file(const std::filesystem::path& path,
                                             const SampleOutline& outline);

}  // namespace diffeo
