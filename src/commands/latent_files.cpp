#include "commands/latent_files.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "io/npy.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

std::string name_of(const Segment& segment) { return "level_" + std::to_string(segment.level); }

// One level of flat latents, in its shape.
Tensor level_of(const Tensor& latents, const Segment& segment) {
  return latents.narrow(1, segment.offset, numel(segment.shape))
      .reshape(batched(latents.size(0), segment.shape));
}

// The levels that are kept.
std::vector<Segment> kept_segments(const LatentOutline& outline) {
  return outline.level ? std::vector{outline.segments.at(*outline.level)} : outline.segments;
}

class NpyLatents final : public LatentFile {
 public:
  NpyLatents(const fs::path& path, const LatentOutline& outline)
      : outline_(outline), file_(path, outlined(shape(), outline.precision)) {}

  void add(const Tensor& latents) override {
    bool all = !outline_.level;
    file_.append(all ? latents : level_of(latents, outline_.segments.at(*outline_.level)));
  }
  void commit() override { file_.commit(); }

 private:
  Shape shape() const {
    if (outline_.level) return batched(outline_.count, outline_.segments.at(*outline_.level).shape);
    const Segment& last = outline_.segments.back();
    return {outline_.count, last.offset + numel(last.shape)};
  }

  LatentOutline outline_;
  NpyWriter file_;
};

class SafetensorsLatents final : public LatentFile {
 public:
  SafetensorsLatents(const fs::path& path, const LatentOutline& outline)
      : outline_(outline), file_(path, outlines(), outline.metadata) {}

  void add(const Tensor& latents) override {
    for (const Segment& segment : kept_segments(outline_))
      file_.append(name_of(segment), level_of(latents, segment));
    auto add_rows = [&](const char* name, const Tensor& all) {
      if (all.defined()) file_.append(name, all.narrow(0, done_, latents.size(0)));
    };
    add_rows("labels", outline_.examples->labels);
    add_rows("context", outline_.examples->context);
    done_ += latents.size(0);
  }
  void commit() override { file_.commit(); }

 private:
  NamedTensors outlines() const {
    NamedTensors named;
    for (const Segment& segment : kept_segments(outline_))
      named[name_of(segment)] =
          outlined(batched(outline_.count, segment.shape), outline_.precision);
    if (outline_.examples->labels.defined()) named["labels"] = outline_.examples->labels;
    if (outline_.examples->context.defined()) named["context"] = outline_.examples->context;
    return named;
  }

  LatentOutline outline_;
  SafetensorsWriter file_;
  int64_t done_ = 0;
};

// One of the tensors in a file, or the array that an .npy file is.
Tensor checked(const fs::path& path, const std::string& name, const Tensor& found,
               const Shape& expected) {
  std::string place = path.string() + ": " + (path.extension() == ".npy" ? "" : name + " ");
  bool fits = found.is_floating_point() && found.dim() > 0 && found.size(0) > 0 &&
              event_shape(found) == expected;
  require(fits, Exit::kData, place, "holds ", at::toString(found.scalar_type()), " of shape ",
          to_string(found.sizes().vec()), ", expected floats of shape [N]+", to_string(expected));
  require(!first_not_finite(found), Exit::kData, place, "holds numbers that are not finite");
  return found.scalar_type() == at::kDouble ? found : found.to(at::kFloat);
}

Tensor joined_levels(const fs::path& path, const NamedTensors& tensors,
                     const std::vector<Segment>& segments) {
  std::vector<Tensor> parts;
  for (const Segment& segment : segments) {
    auto found = tensors.find(name_of(segment));
    require(found != tensors.end(), Exit::kData, path.string(),
            ": expected the tensors level_0 to ", name_of(segments.back()),
            ", or latents; there is no ", name_of(segment));
    parts.push_back(checked(path, name_of(segment), found->second, segment.shape).flatten(1));
    require(parts.back().size(0) == parts[0].size(0), Exit::kData, path.string(), ": ",
            name_of(segment), " has ", parts.back().size(0), " rows, and level_0 ",
            parts[0].size(0));
  }
  return at::cat(parts, 1);
}

// What stands beside the latents, a row for each of them, or nothing.
Tensor beside(const fs::path& path, const NamedTensors& tensors, const char* name, int64_t count) {
  auto found = tensors.find(name);
  if (found == tensors.end()) return {};
  require(found->second.dim() > 0 && found->second.size(0) == count, Exit::kData, path.string(),
          ": ", name, " holds shape ", to_string(found->second.sizes().vec()), " beside ", count,
          " rows of latents");
  return found->second;
}

}  // namespace

std::unique_ptr<LatentFile> open_latent_file(const fs::path& path, const LatentOutline& outline) {
  if (path.extension() == ".npy") return std::make_unique<NpyLatents>(path, outline);
  return std::make_unique<SafetensorsLatents>(path, outline);
}

NamedTensors read_latents(const fs::path& path) {
  if (path.extension() == ".npy") return {{"latents", load_npy(path)}};
  require(path.extension() == ".safetensors", Exit::kUsage, path.string(),
          ": expected latents in a file that ends in .npy or .safetensors");
  return load_safetensors(path).tensors;
}

at::ScalarType latent_precision(const NamedTensors& stored) {
  bool in_double = std::any_of(stored.begin(), stored.end(), [](const auto& named) {
    bool is_latents = named.first == "latents" || named.first.starts_with("level_");
    return is_latents && named.second.scalar_type() == at::kDouble;
  });
  return in_double ? at::kDouble : at::kFloat;
}

StoredLatents latents_for(const std::vector<Segment>& segments, const NamedTensors& stored,
                          const fs::path& path) {
  const Segment& last = segments.back();
  Shape flat{last.offset + numel(last.shape)};
  auto whole = stored.find("latents");
  StoredLatents found{whole != stored.end() ? checked(path, "latents", whole->second, flat)
                                            : joined_levels(path, stored, segments)};
  found.labels = beside(path, stored, "labels", found.latents.size(0));
  found.context = beside(path, stored, "context", found.latents.size(0));
  return found;
}

}  // namespace diffeo
