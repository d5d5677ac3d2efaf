#include "core/error.h"
#include "data/sources.h"
#include "io/cifar.h"

namespace diffeo {
namespace {

Dataset cifar10_set(const std::string& folder, Cifar10Part part) {
  std::vector<std::filesystem::path> files = cifar10_files(folder, part);
  bool in_batches = files[0].filename().string().starts_with("data_batch_");
  require(!in_batches || files.size() == 5, Exit::kData, folder, ": holds ", files.size(),
          " of the 5 files data_batch_1.bin … data_batch_5.bin");
  LabelledImages read = load_cifar10(files);
  return {read.images, read.labels};
}

}  // namespace

std::map<std::string, Dataset> read_splits(const Cifar10Config& config, uint64_t) {
  return {{"train", cifar10_set(config.path, Cifar10Part::kTrain)},
          {"test", cifar10_set(config.path, Cifar10Part::kTest)}};
}

}  // namespace diffeo
