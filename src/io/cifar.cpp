#include "io/cifar.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "io/elements.h"
#include "io/file_kind.h"
#include "io/files.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPixels = 3 * 32 * 32;
constexpr uint64_t kRecord = 1 + kPixels;
constexpr uint64_t kRecordOfCifar100 = 2 + kPixels;

int64_t count_records(Input& in) {
  uint64_t size = in.remaining();
  bool hundred = size % kRecord != 0 && size % kRecordOfCifar100 == 0;
  if (size % kRecord != 0) {
    in.fail("holds ", size, " bytes, expected a multiple of ", kRecord,
            " (a label and 3 x 32 x 32 bytes)",
            hundred ? "; it looks like CIFAR-100" : actual_kind(in, ""));
  }
  return static_cast<int64_t>(size / kRecord);
}

LabelledImages load_batch(const fs::path& path, Exit exit) {
  FileInput in(path, exit);
  Tensor records = read_elements(in, {count_records(in), static_cast<int64_t>(kRecord)}, at::kByte,
                                 "the records");
  Tensor labels = records.select(1, 0).to(at::kLong);
  Tensor wrong = labels.gt(9).nonzero();
  if (wrong.size(0) > 0) {
    int64_t first = wrong[0][0].item<int64_t>();
    in.fail("record ", first, " has the label ", labels[first].item<int64_t>(),
            ", expected 0 to 9");
  }
  return {records.narrow(1, 1, static_cast<int64_t>(kPixels)).reshape({-1, 3, 32, 32}), labels};
}

bool is_batch(const fs::path& path) {
  std::string name = path.filename().string();
  return name.starts_with("data_batch_") && name.ends_with(".bin");
}

std::vector<fs::path> batches_in(const fs::path& folder, Exit exit) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_batch(entry.path())) files.push_back(entry.path());
  }
  if (error) fail(exit, folder.string(), ": cannot be read as a folder: ", in_words(error.value()));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

LabelledImages load_cifar10(const std::vector<fs::path>& files, Exit exit) {
  std::vector<Tensor> images, labels;
  for (const fs::path& file : files) {
    LabelledImages batch = load_batch(file, exit);
    images.push_back(batch.images);
    labels.push_back(batch.labels);
  }
  if (files.empty()) fail(exit, "no files to read CIFAR-10 from");
  if (files.size() == 1) return {images[0], labels[0]};
  return {at::cat(images), at::cat(labels)};
}

std::vector<fs::path> cifar10_files(const fs::path& folder, Cifar10Part part, Exit exit) {
  bool train = part == Cifar10Part::kTrain;
  std::vector<fs::path> batches = batches_in(folder, exit);
  if (train && !batches.empty()) return batches;
  for (const char* name :
       {train ? "train.bin" : "test_batch.bin", train ? "train.bin" : "test.bin"}) {
    std::error_code ignored;
    if (fs::exists(folder / name, ignored)) return {folder / name};
  }
  fail(exit, folder.string(), ": holds neither ",
       train ? "data_batch_*.bin nor train.bin" : "test_batch.bin nor test.bin",
       " (CIFAR-10, binary version)");
}

}  // namespace diffeo
