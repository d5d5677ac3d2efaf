#include <ATen/ATen.h>

#include "core/error.h"
#include "data/checks.h"
#include "data/sources.h"
#include "data/splits.h"
#include "io/npy.h"

namespace diffeo {
namespace {

[[noreturn]] void refuse_kind(const std::string& file, const Tensor& array, const char* expected) {
  fail(Exit::kData, file, ": holds ", at::toString(array.scalar_type()), " of shape ",
       to_string(array.sizes().vec()), ", expected ", expected);
}

// Files from this size on stay on disk; below it, reading them whole is quicker than asking for
// pages one by one.
constexpr NpyOptions kExamples{.finite = true, .mapped_from = int64_t{256} << 20};

// [N, H, W] or [N, H, W, C] -> [N, C, H, W], the same memory.
Tensor npy_images(const std::string& file, const Tensor& array) {
  bool images = array.dtype() == at::kByte && (array.dim() == 3 || array.dim() == 4);
  if (!images) refuse_kind(file, array, "images [N, H, W] or [N, H, W, C] of uint8");
  return array.dim() == 3 ? array.unsqueeze(1) : array.permute({0, 3, 1, 2});
}

// [N, D] of any float -> float32, or float64 where the flow standardises them.
Tensor npy_vectors(const std::string& file, const Tensor& array, bool standardise = false) {
  if (!array.is_floating_point() || array.dim() != 2)
    refuse_kind(file, array, "vectors [N, D] of floats");
  return standardise ? array.to(at::kDouble) : single_precision(file, array);
}

// [N, columns] of any float -> float32, a row for each of `count` examples.
Tensor npy_context(const std::string& file, int64_t count, int64_t columns) {
  Tensor context = npy_vectors(file, load_npy(file, {.finite = true}));
  require(context.size(1) == columns, Exit::kData, file, ": holds ", context.size(1),
          " context columns, but data.context_size is ", columns);
  require(context.size(0) == count, Exit::kData, file, ": holds ", context.size(0),
          " rows of context for ", count, " examples");
  return context;
}

Dataset npy_set(const NpyConfig& config, const std::string& file,
                const std::optional<std::string>& labels,
                const std::optional<std::string>& context) {
  Tensor array = load_npy(file, kExamples);
  Dataset set{config.shape.size() == 3 ? npy_images(file, array)
                                       : npy_vectors(file, array, config.standardise),
              {}};
  check_examples(file, set.size(), set.shape(), config.shape);
  if (labels) set.labels = checked_labels(*labels, load_npy(*labels), set.size(), config.classes);
  if (context) set.context = npy_context(*context, set.size(), config.context_size);
  return set;
}

}  // namespace

std::map<std::string, Dataset> read_splits(const NpyConfig& config, uint64_t seed) {
  std::optional<Dataset> test;
  if (config.test) test = npy_set(config, *config.test, config.test_labels, config.test_context);
  return with_test(npy_set(config, config.path, config.labels, config.context), test,
                   config.test_fraction, seed);
}

}  // namespace diffeo
