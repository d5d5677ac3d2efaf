#include "commands/output_file.h"

#include <algorithm>

#include "core/error.h"
#include "core/listed.h"

namespace diffeo {

void check_output(const char* option, const std::filesystem::path& path, const Words& endings,
                  bool force) {
  std::error_code none;
  std::filesystem::path folder = path.parent_path();
  require(folder.empty() || std::filesystem::is_directory(folder, none), Exit::kUsage, option, ": ",
          path.string(), ": no such folder: ", folder.string());
  bool fits = std::find(endings.begin(), endings.end(), path.extension()) != endings.end();
  require(fits, Exit::kUsage, option, ": expected a file that ends in ",
          listed(endings, ", ", " or "), ", found '", path.string(), "'");
  // What is no ordinary file, as a pipe, has nothing to lose.
  std::filesystem::file_status found = std::filesystem::status(path, none);
  bool is_taken = std::filesystem::exists(found) && !std::filesystem::is_other(found);
  require(force || !is_taken, Exit::kUsage, option, ": ", path.string(),
          ": is there already; --force replaces it");
}

void OutputFile::declare(CommandLine& line, const char* help) {
  line.option("--out", "FILE", path, help);
  line.flag("--force", force, "Replace files that are there already");
}

std::filesystem::path OutputFile::checked(const Words& endings) const {
  require(path.has_value(), Exit::kUsage, "--out: expected a file that ends in ",
          listed(endings, ", ", " or "), ", found nothing");
  check_output("--out", *path, endings, force);
  return *path;
}

}  // namespace diffeo
