#include "runs/run_directory.h"

#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <ranges>
#include <string_view>

#include "core/listed.h"
#include "io/durable.h"
#include "io/files.h"
#include "io/json.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

bool holds_anything(const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  return !error && entries != fs::directory_iterator();
}

fs::path made(const fs::path& path, bool resume) {
  if (!resume) require_free(path);
  make_directories(path / "samples");
  make_directories(path / "checkpoints");
  return path;
}

bool needs_no_quotes(char c) {
  constexpr std::string_view harmless = "-_./:=,+@%";
  return std::isalnum(static_cast<unsigned char>(c)) || harmless.find(c) != std::string_view::npos;
}

// As a shell reads it back.
std::string quoted(const std::string& word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), needs_no_quotes)) return word;
  std::string text = "'";
  for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string earlier_commands(const fs::path& file) {
  std::error_code error;
  return fs::exists(file, error) || error ? read_file(file, uint64_t{1} << 26, Exit::kFailed) : "";
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string now_text() {
  std::time_t now = std::time(nullptr);
  std::tm fields{};
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r(&now, &fields));
  return text.data();
}

fs::path numbered(const fs::path& folder, int number) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%03d", number);
  return folder / digits.data();
}

}  // namespace

RunDirectory::RunDirectory(const fs::path& path, bool resume)
    : path_(made(path, resume)), lock_(path_) {
  for (const fs::path& folder : {path_, samples(), checkpoints()}) remove_leftovers(folder);
}

void RunDirectory::describe(const std::string& config, const std::vector<std::string>& command,
                            const std::string& device) const {
  write_durably(path_ / "config.yaml", config);
  write_durably(path_ / "command.txt", earlier_commands(path_ / "command.txt") +
                                           listed(command | std::views::transform(quoted), " ") +
                                           "\n");
  save_json(path_ / "environment.json", {{"diffeo", DIFFEO_VERSION},
                                         {"libtorch", TORCH_VERSION},
                                         {"device", device},
                                         {"threads", at::get_num_threads()},
                                         {"host", host_name()},
                                         {"process", ::getpid()},
                                         {"started", now_text()}});
}

void require_free(const fs::path& path) {
  if (!holds_anything(path)) return;
  fail(Exit::kUsage, path.string(),
       ": exists and is not empty; --resume continues the run in it, --run DIR names "
       "another folder for a new one");
}

fs::path default_run(const std::string& config, bool resume) {
  fs::path folder = fs::path("runs") / config;
  int largest = 0;
  for (const fs::path& entry : entries_of(folder)) {
    std::string name = entry.filename();
    int number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (numbered(folder, number) == entry) largest = std::max(largest, number);
  }
  return numbered(folder, resume ? std::max(largest, 1) : largest + 1);
}

}  // namespace diffeo
