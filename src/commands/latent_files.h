#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "data/dataset.h"
#include "flow/flow.h"
#include "io/safetensors.h"

namespace diffeo {

// Latents on disk. safetensors: "level_0", "level_1", … [N, ...] as the flow's levels are shaped,
// and beside them "labels" [N] and "context" [N, C] where the data have them, so that nothing else
// is needed to decode. npy: all levels flat [N, D], or one level alone.

// What is known of latents before any is computed.
struct LatentOutline {
  int64_t count;
  std::vector<Segment> segments;
  at::ScalarType precision;
  std::optional<int64_t> level;  // alone; none: all
  const Dataset* examples;       // whose they are
  Metadata metadata;
};

class LatentFile {
 public:
  virtual ~LatentFile() = default;              // without commit() nothing is left behind
  virtual void add(const Tensor& latents) = 0;  // [B, D], the next examples
  virtual void commit() = 0;
};
std::unique_ptr<LatentFile> open_latent_file(const std::filesystem::path& path,
                                             const LatentOutline& outline);

// Latents that have been read, all levels flat.
struct StoredLatents {
  Tensor latents;       // [N, D] float32 or float64
  Tensor labels = {};   // [N] int64, or undefined
  Tensor context = {};  // [N, C], or undefined
};

// What a file holds that encode has written, `sample --out FILE.safetensors`, or any program as
// .npy [N, D]: that array is called "latents". Throws Exit::kUsage for any other ending,
// Exit::kData.
NamedTensors read_latents(const std::filesystem::path& path);

// The precision that its latents are stored in, float32 or float64.
at::ScalarType latent_precision(const NamedTensors& stored);

// Its latents for a flow with these levels. Throws Exit::kData, `path` first: what the levels are,
// and what was found.
StoredLatents latents_for(const std::vector<Segment>& segments, const NamedTensors& stored,
                          const std::filesystem::path& path);

}  // namespace diffeo
