#include "commands/sample_files.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "io/csv_writer.h"
#include "io/npy.h"
#include "io/png.h"
#include "pictures/image_grid.h"
#include "pictures/plane.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

// Larger pictures are read by few programs, this one's reader not among them.
constexpr int64_t kMostNumbersInPicture = int64_t{1} << 26;

Tensor stored_values(const SampleOutline& outline, const Tensor& values) {
  return outline.are_images ? as_bytes(values) : values;
}

Tensor outlined_values(const SampleOutline& outline) {
  return outlined(batched(outline.count, outline.shape),
                  outline.are_images ? at::kByte : outline.precision);
}

class NpySamples final : public SampleFile {
 public:
  NpySamples(const fs::path& path, const SampleOutline& outline)
      : outline_(outline), file_(path, laid_out(outlined_values(outline))) {}

  void add(const SampleBatch& batch) override {
    file_.append(laid_out(stored_values(outline_, batch.values)));
  }
  void commit() override { file_.commit(); }

 private:
  Tensor laid_out(const Tensor& values) const {
    return outline_.are_images ? channels_last(values) : values;
  }

  SampleOutline outline_;
  NpyWriter file_;
};

class CsvSamples final : public SampleFile {
 public:
  CsvSamples(const fs::path& path, const SampleOutline& outline)
      : have_labels_(outline.have_labels), file_(path, outline.columns) {}

  void add(const SampleBatch& batch) override {
    file_.append(batch.values, have_labels_ ? batch.labels : Tensor());
  }
  void commit() override { file_.commit(); }

 private:
  bool have_labels_;
  CsvWriter file_;
};

NamedTensors outlines_of(const SampleOutline& outline) {
  NamedTensors outlines{
      {"samples", outlined_values(outline)},
      {"latents", outlined({outline.count, outline.latents}, outline.latent_precision)}};
  if (outline.have_labels) outlines["labels"] = outlined({outline.count}, at::kLong);
  return outlines;
}

class SafetensorsSamples final : public SampleFile {
 public:
  SafetensorsSamples(const fs::path& path, const SampleOutline& outline)
      : outline_(outline), file_(path, outlines_of(outline), outline.metadata) {}

  void add(const SampleBatch& batch) override {
    file_.append("samples", stored_values(outline_, batch.values));
    file_.append("latents", batch.latents);
    if (outline_.have_labels) file_.append("labels", batch.labels);
  }
  void commit() override { file_.commit(); }

 private:
  SampleOutline outline_;
  SafetensorsWriter file_;
};

class PngSamples final : public SampleFile {
 public:
  PngSamples(const fs::path& path, const SampleOutline& outline) : outline_(outline), file_(path) {}

  void add(const SampleBatch& batch) override {
    parts_.push_back(stored_values(outline_, batch.values));
  }
  void commit() override {
    PngText text{outline_.metadata.begin(), outline_.metadata.end()};
    auto [picture, note] = picture_of(at::cat(parts_));
    if (!note.empty()) text["Description"] = note;
    file_.write(png_bytes(picture, text));
    file_.commit();
  }

 private:
  ImageGrid picture_of(const Tensor& values) const {
    if (!outline_.are_images) return {scatter_picture(values, box_around(values)), ""};
    return image_grid({values}, square_columns(values.size(0)));
  }

  SampleOutline outline_;
  // Opened first, so that a folder that refuses does so before anything is drawn.
  DurableFile file_;
  std::vector<Tensor> parts_;
};

void require_picture(const SampleOutline& outline) {
  PictureKind kind = picture_kind(outline.shape);
  require(kind != PictureKind::kNone, Exit::kUsage, "--out: samples of shape ",
          to_string(outline.shape), " have no picture; use .npy or .safetensors");
  int64_t most = kMostNumbersInPicture / numel(outline.shape);
  require(outline.count <= most, Exit::kUsage, "--out: a picture shows at most ", most,
          " samples of shape ", to_string(outline.shape), ", --count is ", outline.count,
          "; use .npy or .safetensors");
}

void require_vectors(const SampleOutline& outline) {
  require(outline.shape.size() == 1, Exit::kUsage, "--out: samples of shape ",
          to_string(outline.shape), " are no rows of a table; use .png, .npy or .safetensors");
}

}  // namespace

std::vector<std::string> sample_endings() { return {".png", ".npy", ".csv", ".safetensors"}; }

std::vector<std::string> table_columns(const DataConfig& data, bool have_labels) {
  std::vector<std::string> names;
  if (data_shape(data).size() == 1) names = data_columns(data);
  auto* table = std::get_if<CsvConfig>(&data);
  if (have_labels) names.push_back(table && table->label ? *table->label : "class");
  return names;
}

Tensor channels_last(const Tensor& images) {
  return images.size(1) == 1 ? images.squeeze(1) : images.permute({0, 2, 3, 1}).contiguous();
}

SampleFormat format_of(const fs::path& path) {
  if (path.extension() == ".npy") return SampleFormat::kNpy;
  if (path.extension() == ".csv") return SampleFormat::kCsv;
  return path.extension() == ".png" ? SampleFormat::kPng : SampleFormat::kSafetensors;
}

std::unique_ptr<SampleFile> open_sample_file(const fs::path& path, const SampleOutline& outline) {
  switch (format_of(path)) {
    case SampleFormat::kNpy: return std::make_unique<NpySamples>(path, outline);
    case SampleFormat::kSafetensors: return std::make_unique<SafetensorsSamples>(path, outline);
    case SampleFormat::kCsv:
      require_vectors(outline);
      return std::make_unique<CsvSamples>(path, outline);
    case SampleFormat::kPng: break;
  }
  require_picture(outline);
  return std::make_unique<PngSamples>(path, outline);
}

}  // namespace diffeo
