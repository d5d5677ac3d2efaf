#include "runs/checkpoint_store.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/listed.h"
#include "io/descriptor.h"
#include "io/durable.h"
#include "io/files.h"
#include "runs/manifest.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "checkpoints";
constexpr std::string_view kPrefix = "step_";

std::optional<int64_t> number_in(std::string_view digits) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  bool whole = error == std::errc() && end == digits.data() + digits.size() && number >= 0;
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<int64_t> step_in(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  auto step = number_in(std::string_view(name).substr(kPrefix.size()));
  return step && step_name(*step) == name ? step : std::nullopt;
}

// What stands there, if anything. Throws where the system does not say.
fs::file_status status_of(const fs::path& path) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (fs::status_known(status)) return status;
  fail(Exit::kCheckpoint, path.string(), ": cannot be read: ", in_words(error.value()));
}

bool is_there(const fs::path& path) { return fs::exists(status_of(path)); }
bool is_folder(const fs::path& path) { return fs::is_directory(status_of(path)); }

std::string choices(const fs::path& run) {
  std::vector<int64_t> steps = CheckpointStore(run / kFolder).steps();
  return steps.empty() ? "it holds no checkpoint yet"
                       : "it holds latest, best and the steps " + listed(steps);
}

fs::path latest_of(const fs::path& run, const Warn& warn) {
  auto found = CheckpointStore(run / kFolder).latest(warn);
  if (!found) fail(Exit::kCheckpoint, run.string(), ": holds no checkpoint yet");
  return *found;
}

fs::path chosen(const fs::path& run, const std::string& which, const Warn& warn) {
  if (which == "latest") return latest_of(run, warn);
  CheckpointStore store(run / kFolder);
  std::optional<int64_t> step = which == "best" ? store.pointed("best") : number_in(which);
  if (step && is_folder(store.at(*step))) return store.at(*step);
  fail(Exit::kCheckpoint, run.string(), ":", which, ": there is no such checkpoint; ",
       choices(run));
}

std::vector<std::string> runs_in(const fs::path& folder) {
  std::vector<std::string> runs;
  if (!is_folder(folder)) return runs;
  for (const fs::path& entry : entries_of(folder, Exit::kCheckpoint))
    if (is_folder(entry / kFolder)) runs.push_back(entry.filename().string());
  std::sort(runs.begin(), runs.end());
  return runs;
}

}  // namespace

std::string step_name(int64_t step) {
  constexpr size_t kDigits = 8;
  std::string digits = std::to_string(step);
  return std::string(kPrefix).append(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

fs::path CheckpointStore::at(int64_t step) const { return directory_ / step_name(step); }

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> steps;
  for (const fs::path& entry : entries_of(directory_, Exit::kCheckpoint)) {
    auto step = step_in(entry.filename().string());
    if (step && is_folder(entry)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::optional<int64_t> CheckpointStore::pointed(const std::string& pointer) const {
  try {
    std::string name = read_file(directory_ / pointer, 64, Exit::kCheckpoint);
    if (name.ends_with('\n')) name.pop_back();
    return step_in(name);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<std::string> CheckpointStore::save(const Checkpoint& checkpoint, int64_t keep,
                                               Parts parts) const {
  int64_t step = checkpoint.state.step;
  write_checkpoint(at(step), checkpoint, parts);
  const std::optional<Best>& best = checkpoint.state.best;
  if (best && pointed("best") != best->step && is_folder(at(best->step))) {
    write_durably(directory_ / "best", step_name(best->step) + "\n");
  }
  write_durably(directory_ / "latest", step_name(step) + "\n");
  return remove_old(step, keep);
}

std::vector<std::string> CheckpointStore::remove_old(int64_t step, int64_t keep) const {
  std::vector<int64_t> old = steps();
  old.erase(std::upper_bound(old.begin(), old.end(), step), old.end());
  old.resize(old.size() - std::min(old.size(), static_cast<size_t>(keep)));
  if (std::optional<int64_t> best = pointed("best")) std::erase(old, *best);
  std::vector<std::string> refusals;
  for (int64_t each : old) {
    try {
      remove_durably(at(each));
    } catch (const Error& error) {
      refusals.emplace_back(error.what());
    }
  }
  return refusals;
}

std::vector<int64_t> CheckpointStore::newest_first() const {
  std::vector<int64_t> order = steps();
  std::reverse(order.begin(), order.end());
  std::optional<int64_t> first = pointed("latest");
  if (first && !order.empty()) {
    std::erase(order, *first);
    order.insert(order.begin(), *first);
  }
  return order;
}

std::optional<fs::path> CheckpointStore::newest(const std::function<void(const fs::path&)>& attempt,
                                                const Warn& warn) const {
  std::vector<int64_t> order = newest_first();
  if (order.empty()) return std::nullopt;
  std::string faults;
  if (!pointed("latest")) {
    faults = "\n  " + (directory_ / "latest").string() + ": names no checkpoint";
  }
  for (int64_t step : order) {
    try {
      attempt(at(step));
    } catch (const Error& error) {
      faults += "\n  " + std::string(error.what());
      continue;
    }
    if (!faults.empty()) warn(joined("falling back to ", at(step).string(), ":", faults));
    return at(step);
  }
  fail(Exit::kCheckpoint, directory_.string(), ": holds checkpoints, but none is whole:", faults,
       "\nRestore one, or start anew in another run directory");
}

std::optional<fs::path> CheckpointStore::latest(const Warn& warn) const {
  return newest(read_checkpoint, warn);
}

std::optional<CheckpointStore::Found> CheckpointStore::read_latest(const Warn& warn) const {
  Found found;
  auto read = [&](const fs::path& path) { found = {path, read_checkpoint(path)}; };
  return newest(read, warn) ? std::optional(std::move(found)) : std::nullopt;
}

fs::path locate_checkpoint(const std::string& argument, const Warn& warn) {
  fs::path path = argument;
  if (is_folder(path / kFolder)) return latest_of(path, warn);
  if (is_there(path / kManifestName) || step_in(path.filename().string())) return path;
  size_t colon = argument.rfind(':');
  if (colon != std::string::npos && is_folder(fs::path(argument.substr(0, colon)) / kFolder)) {
    return chosen(argument.substr(0, colon), argument.substr(colon + 1), warn);
  }
  if (!is_there(path)) fail(Exit::kCheckpoint, argument, ": no such run or checkpoint");
  bool is_pointer = path.parent_path().filename() == kFolder && !is_folder(path);
  if (is_pointer) return chosen(path.parent_path().parent_path(), path.filename(), warn);
  std::vector<std::string> runs = runs_in(path);
  require(runs.empty(), Exit::kCheckpoint, argument, ": is a folder of runs, ",
          listed_in_words(runs), "; name one of them");
  fail(Exit::kCheckpoint, argument, ": neither a run (it has no ", kFolder,
       "/) nor a checkpoint (it has no ", kManifestName, ")");
}

}  // namespace diffeo
