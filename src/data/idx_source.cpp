#include <ATen/ATen.h>

#include "core/error.h"
#include "data/checks.h"
#include "data/fitted_image.h"
#include "data/idx_files.h"
#include "data/sources.h"
#include "io/idx.h"

namespace diffeo {
namespace {

Dataset idx_set(const IdxConfig& config, const IdxFiles& files) {
  Tensor images = load_idx(files.images);
  require(images.dtype() == at::kByte && images.dim() == 3, Exit::kData, files.images.string(),
          ": holds ", at::toString(images.scalar_type()), " of shape ",
          to_string(images.sizes().vec()), ", expected images [N, height, width] of bytes");
  images = images.unsqueeze(1);
  check_examples(files.images, images.size(0), event_shape(images), config.shape);
  Dataset set{padded(images, config.pad), {}};
  if (files.labels)
    set.labels = checked_labels(*files.labels, load_idx(*files.labels), set.size(), config.classes);
  return set;
}

}  // namespace

std::map<std::string, Dataset> read_splits(const IdxConfig& config, uint64_t) {
  IdxSets files = find_idx_files(config);
  std::map<std::string, Dataset> splits{{"train", idx_set(config, files.train)}};
  if (files.test) splits["test"] = idx_set(config, *files.test);
  return splits;
}

}  // namespace diffeo
