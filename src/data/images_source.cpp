#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "core/error.h"
#include "core/listed.h"
#include "core/utf8.h"
#include "data/fitted_image.h"
#include "data/host.h"
#include "data/picture_table.h"
#include "data/sources.h"
#include "data/splits.h"
#include "io/elements.h"
#include "io/photo.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

bool is_named_as_picture(const fs::path& path) {
  std::string ending = lower_case(path.extension().string());
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

// Whether a folder is one that it lies in, through a link: what is in it has been seen.
bool is_inside_itself(const fs::path& folder) {
  std::error_code none;
  if (!fs::is_symlink(folder, none)) return false;
  fs::path target = fs::canonical(folder, none);
  fs::path here = fs::canonical(folder.parent_path(), none);
  return std::mismatch(target.begin(), target.end(), here.begin(), here.end()).first ==
         target.end();
}

// The pictures in a folder, by their paths in it, in the alphabet's order. What begins with a dot
// is hidden, as the files that some systems leave in folders.
Names pictures_in(const std::string& folder) {
  std::error_code problem;
  Names found;
  fs::recursive_directory_iterator at(folder, fs::directory_options::follow_directory_symlink,
                                      problem),
      end;
  for (; !problem && at != end; at.increment(problem)) {
    bool hidden = at->path().filename().string().starts_with(".");
    std::error_code none;  // a link to nothing is kept, to be told as a picture that is not there
    bool is_folder = at->is_directory(none);
    if (is_folder && (hidden || is_inside_itself(at->path()))) at.disable_recursion_pending();
    if (!hidden && !is_folder && is_named_as_picture(at->path()))
      found.push_back(at->path().lexically_relative(folder).string());
  }
  require(!problem, Exit::kData, folder, ": cannot be read: ", problem.message());
  require(!found.empty(), Exit::kData, folder,
          ": holds no picture, no file that ends in .png, .jpg or .jpeg");
  std::sort(found.begin(), found.end());
  return found;
}

// Pictures that could be read, and what was wrong with the others.
struct Gallery {
  Tensor images;  // [N, C, H, W] uint8
  Names names;
  Names problems;
};

// Each picture by itself, so that all cores decode.
Gallery read_gallery(const ImagesConfig& config, const std::string& folder) {
  Names names = pictures_in(folder);
  auto count = static_cast<int64_t>(names.size());
  Shape inside{config.channels, config.size[0], config.size[1]};
  Tensor images = host_tensor(batched(count, inside), at::kByte);
  Names problems(names.size());
  at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
    at::NoGradGuard no_grad;
    for (int64_t i = first; i < last; ++i) {
      try {
        std::string place = (fs::path(folder) / names[i]).string();
        images[i].copy_(fitted_image(load_photo(place, config.channels), config, place));
      } catch (const Error& error) {
        problems[i] = error.what();
      }
    }
  });
  Gallery gallery;
  std::vector<int64_t> whole;
  for (int64_t i = 0; i < count; ++i) {
    if (!problems[i].empty()) {
      gallery.problems.push_back(problems[i]);
      continue;
    }
    whole.push_back(i);
    gallery.names.push_back(names[i]);
  }
  bool all = whole.size() == names.size();
  gallery.images =
      all ? images : images.index_select(0, at::tensor(whole, host_options(at::kLong)));
  return gallery;
}

std::string problems_text(const Gallery& gallery) {
  constexpr size_t kShown = 5;
  const Names& all = gallery.problems;
  std::string shown =
      listed(std::vector(all.begin(), all.begin() + std::min(kShown, all.size())), "\n  ");
  if (all.size() > kShown) shown += joined("\n  and ", all.size() - kShown, " more");
  return shown;
}

// A note of what is left out, where that is allowed.
std::string judged_problems(const ImagesConfig& config, const std::string& folder,
                            const Gallery& gallery) {
  if (gallery.problems.empty()) return {};
  size_t all = gallery.names.size() + gallery.problems.size();
  std::string said = joined(folder, ": ", gallery.problems.size(), " of ", all,
                            " pictures cannot be used:\n  ", problems_text(gallery));
  require(config.broken == Broken::kSkip, Exit::kData, said,
          "\ndata.broken: skip leaves such pictures out");
  require(!gallery.names.empty(), Exit::kData, said);
  return "left out: " + said;
}

// The folder that each picture lies in, the outermost inside `path`.
Names folders_of(const std::string& folder, const Names& names) {
  Names folders;
  for (const std::string& name : names) {
    auto slash = name.find('/');
    require(slash != name.npos, Exit::kData, folder, ": ", name,
            " lies in none of the folders that data.classes takes for classes");
    folders.push_back(name.substr(0, slash));
  }
  return folders;
}

LabelledSet read_set(const ImagesConfig& config, const std::string& folder) {
  // Before the pictures, so that a mistake in the table is told before minutes of decoding.
  std::optional<PictureTable> table;
  if (config.table) table.emplace(*config.table, config.label, config.context);
  Gallery gallery = read_gallery(config, folder);
  std::string note = judged_problems(config, folder, gallery);
  LabelledSet found{{padded(gallery.images, config.pad)}};
  found.set.note = note;
  if (config.classes > 0 && !config.label) found.labels = folders_of(folder, gallery.names);
  if (!table) return found;
  if (config.label) found.labels = table->labels_of(gallery.names);
  if (!config.context.empty()) found.set.context = table->context_of(gallery.names);
  return found;
}

}  // namespace

std::map<std::string, Dataset> read_splits(const ImagesConfig& config, uint64_t seed) {
  return labelled_splits({config.path, config.test, config.test_fraction, config.classes}, seed,
                         [&](const std::string& folder) { return read_set(config, folder); });
}

}  // namespace diffeo
