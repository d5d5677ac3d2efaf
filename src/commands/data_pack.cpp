#include <ATen/ATen.h>

#include <iostream>

#include "commands/batch_progress.h"
#include "commands/data_argument.h"
#include "commands/data_commands.h"
#include "commands/model_argument.h"
#include "commands/sample_files.h"
#include "core/error.h"
#include "data/data.h"
#include "io/durable.h"
#include "io/files.h"
#include "io/npy.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSection = "data.yaml";
constexpr int64_t kBlock = 4096;  // examples that are laid out together

bool is_a_pack(const fs::path& folder) {
  std::error_code none;
  return fs::is_regular_file(folder / kSection, none) &&
         fs::is_regular_file(folder / "train.npy", none);
}

// Throws Exit::kUsage unless a pack can be put there. Only a pack is ever replaced.
void check_target(const fs::path& folder, bool force) {
  const char* option = "diffeo data pack: --out";
  std::error_code none;
  require(folder.has_filename(), Exit::kUsage, option, ": expected a folder, found '",
          folder.string(), "'");
  fs::path parent = folder.parent_path();
  require(parent.empty() || fs::is_directory(parent, none), Exit::kUsage, option, ": ",
          folder.string(), ": no such folder: ", parent.string());
  if (!fs::exists(fs::symlink_status(folder, none))) return;
  require(is_a_pack(folder), Exit::kUsage, option, ": ", folder.string(),
          ": is there already and is no pack, so it is not replaced");
  require(force, Exit::kUsage, option, ": ", folder.string(),
          ": is there already; --force replaces it");
}

Tensor laid_out(const Tensor& examples) {
  return examples.dim() == 4 ? channels_last(examples) : examples;
}

Shape laid_out_shape(const Tensor& examples) {
  Shape shape = event_shape(laid_out(examples.narrow(0, 0, 1)));
  return batched(examples.size(0), shape);
}

void write_examples(const fs::path& path, const Tensor& examples) {
  BatchProgress progress(examples.size(0), kBlock);
  NpyWriter file(path, outlined(laid_out_shape(examples), examples.scalar_type()));
  for (int64_t first = 0; first < examples.size(0); first += kBlock) {
    progress.begin_batch();
    file.append(laid_out(examples.narrow(0, first, std::min(kBlock, examples.size(0) - first))));
  }
  file.commit();
}

std::string file_of(const char* split, const char* what = "") {
  return joined(split, what, ".npy");
}

void write_split(const fs::path& folder, const char* split, const Dataset& set) {
  write_examples(folder / file_of(split), set.examples);
  if (set.labels.defined()) save_npy(folder / file_of(split, "_labels"), set.labels);
  if (set.context.defined()) save_npy(folder / file_of(split, "_context"), set.context);
}

// The section that reads what lies in `folder`.
NpyConfig packed_section(const DataConfig& config, const Data& data, const fs::path& folder) {
  auto place = [&](const char* split, const char* what = "") {
    return (folder / file_of(split, what)).string();
  };
  NpyConfig packed;
  packed.path = place("train");
  packed.shape = data_shape(config);
  packed.classes = data_classes(config);
  packed.context_size = static_cast<int64_t>(data_context(config).size());
  packed.standardise = data_is_standardised(config);
  if (packed.classes > 0) packed.labels = place("train", "_labels");
  if (packed.context_size > 0) packed.context = place("train", "_context");
  if (data.splits.contains("test")) {
    packed.test = place("test");
    if (packed.classes > 0) packed.test_labels = place("test", "_labels");
    if (packed.context_size > 0) packed.test_context = place("test", "_context");
  }
  std::visit(
      [&](const auto& source) {
        if constexpr (requires { source.validation; }) packed.validation = source.validation;
        if constexpr (requires { source.augment; }) packed.augment = source.augment;
      },
      config);
  return packed;
}

// Bits/dim of padded images are lower than those of the images, which the packed ones do not tell.
std::string padding_note(const DataConfig& config) {
  int64_t pad = std::visit(
      [](const auto& source) {
        if constexpr (requires { source.pad; }) return source.pad;
        else return int64_t{0};
      },
      config);
  if (pad == 0) return "";
  return joined("# padded by ", pad, " on each side: bits/dim is not comparable with that of ",
                "images without\n");
}

void fill(const fs::path& folder, const Data& data, const std::string& section) {
  for (const char* split : {"train", "test"}) {
    auto found = data.splits.find(split);
    if (found != data.splits.end()) write_split(folder, split, found->second);
  }
  write_durably(folder / kSection, section);
}

void pack(const Config& config, const fs::path& folder) {
  require(!std::holds_alternative<SyntheticConfig>(config.data), Exit::kUsage,
          "diffeo data pack: a density has no examples to pack; every step draws fresh ones");
  // Validation is cut when a training reads what was packed.
  Data data = load_data(without_validation(config.data), static_cast<uint64_t>(config.seed));
  for (const std::string& note : data.notes()) warn_user(note);
  std::string section = to_one_line(packed_section(config.data, data, folder));
  std::string text = padding_note(config.data) + "data: " + section + "\n";
  write_directory_durably(folder, [&](const fs::path& files) { fill(files, data, text); });
  for (const auto& [name, set] : data.splits)
    std::cerr << "packed " << set.size() << " examples of " << name << "\n";
  std::cout << section << "\n";
}

}  // namespace

void data_pack(const Words& words) {
  DataArgument argument{.command = "diffeo data pack"};
  std::optional<std::string> out;
  bool force = false;
  CommandLine line(
      "diffeo data pack",
      "Reads a data set once, decoding and resizing pictures on all cores, and writes it as npy "
      "files, of which a training maps those of 256 MiB and more instead of reading them. Prints "
      "the data section that reads them, as data=SECTION takes it.",
      "diffeo data pack '{source: images, path: photos, size: [32, 32]}' --out packed");
  argument.declare(line);
  line.option("--out", "FOLDER", out, "Where the files are put, with the section in data.yaml");
  line.flag("--force", force, "Replace an earlier pack");
  if (!line.parse(words)) return;
  require(out.has_value(), Exit::kUsage, "diffeo data pack: --out: expected a folder");
  fs::path folder = (fs::path(*out) / "").parent_path();  // with or without a slash at its end
  check_target(folder, force);
  pack(argument.config(), folder);
}

}  // namespace diffeo
