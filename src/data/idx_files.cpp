#include "data/idx_files.h"

#include "core/error.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFashionMnist = "/usr/share/datasets/fashion-mnist";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The first of the names that exists in the folder, plain or packed.
std::optional<fs::path> first_of(const fs::path& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (const std::string& each : {name, name + ".gz"}) {
      if (is_there(folder / each)) return folder / each;
    }
  }
  return std::nullopt;
}

// `name` without .gz and with the last `from` replaced; empty where there is none.
std::string renamed(std::string name, const std::string& from, const std::string& to) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  size_t at = name.rfind(from);
  return at == std::string::npos ? "" : name.replace(at, from.size(), to);
}

fs::path required_file(const fs::path& folder, const std::vector<std::string>& names,
                       const char* what) {
  auto found = first_of(folder, names);
  require(found.has_value(), Exit::kData, folder.string(), ": holds no ", what, ": neither ",
          names.front(), " nor ", names.front(), ".gz");
  return *found;
}

fs::path training_images(const IdxConfig& config) {
  fs::path path = config.path.empty() ? kFashionMnist : config.path;
  require(!config.path.empty() || is_there(path), Exit::kData, "data.path: is empty, and ",
          kFashionMnist,
          " is not there; install the Debian package dataset-fashion-mnist or name a folder");
  require(is_there(path), Exit::kData, path.string(), ": no such file or folder");
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  return required_file(path, {"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
                       "training images");
}

IdxFiles with_labels(const fs::path& images, int64_t classes) {
  if (classes == 0) return {images, std::nullopt};
  std::string name = renamed(images.filename().string(), "images", "labels");
  require(!name.empty(), Exit::kData, images.string(),
          ": its name does not hold the word images, which would lead to "
          "the file of labels; rename it or set data.classes to 0");
  std::string labels = renamed(name, "idx3", "idx1");
  return {images, required_file(images.parent_path(), {labels.empty() ? name : labels}, "labels")};
}

}  // namespace

IdxSets find_idx_files(const IdxConfig& config) {
  fs::path train = training_images(config);
  std::string name = train.filename().string();
  std::optional<fs::path> test;
  if (name.find("train") != std::string::npos) {
    test = first_of(train.parent_path(),
                    {renamed(name, "train", "t10k"), renamed(name, "train", "test")});
  }
  require(test || config.validation > 0, Exit::kData, train.string(),
          ": there are no test images (", renamed(name, "train", "t10k"),
          ") beside it; put them there or set data.validation");
  IdxSets sets{with_labels(train, config.classes), std::nullopt};
  if (test) sets.test = with_labels(*test, config.classes);
  return sets;
}

}  // namespace diffeo
