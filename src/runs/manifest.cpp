#include "runs/manifest.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/descriptor.h"
#include "io/hash.h"
#include "io/json.h"
#include "runs/training_state.h"

namespace diffeo {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// First of all: another format may differ in everything else.
int64_t checked_format(const json& manifest, const fs::path& directory) {
  if (!manifest.contains("format") || !manifest["format"].is_number_integer()) {
    fail(Exit::kCheckpoint, (directory / kManifestName).string(), ": names no format");
  }
  int64_t format = manifest["format"];
  if (format >= 1 && format <= kCheckpointFormat) return format;
  std::string writer =
      manifest.contains("program") ? " (written by diffeo " + manifest["program"].dump() + ")" : "";
  fail(Exit::kCheckpoint, directory.string(), ": a checkpoint of format ", format, writer,
       ", but this diffeo ", DIFFEO_VERSION, " reads formats up to ", kCheckpointFormat,
       "; take the diffeo that wrote it, or a newer one");
}

void verify_file(const fs::path& path, const json& expected) {
  std::error_code error;
  uint64_t size = fs::file_size(path, error);
  if (error) fail(Exit::kCheckpoint, path.string(), ": missing from this checkpoint");
  uint64_t wanted = expected.at("size").get<uint64_t>();
  if (size != wanted)
    fail(Exit::kCheckpoint, path.string(), ": has ", size, " bytes, but was written with ", wanted);
  if (xxh3_128_of_file(path, Exit::kCheckpoint) != expected.at("xxh3_128").get<std::string>()) {
    fail(Exit::kCheckpoint, path.string(),
         ": its bytes are not those that were written (the checksum differs)");
  }
}

uint64_t size_of(const fs::path& path) {
  std::error_code error;
  uint64_t size = fs::file_size(path, error);
  if (error) fail(path.string(), ": cannot be read: ", in_words(error.value()));
  return size;
}

// Saves the manifest with these files as they are in the directory now.
void save_with(json manifest, const fs::path& directory, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    manifest["files"][file] = {{"size", size_of(directory / file)},
                               {"xxh3_128", xxh3_128_of_file(directory / file, Exit::kFailed)}};
  }
  save_json(directory / kManifestName, manifest);
}

}  // namespace

void write_manifest(const fs::path& directory, const std::vector<std::string>& files) {
  json manifest{
      {"format", kCheckpointFormat}, {"program", DIFFEO_VERSION}, {"files", json::object()}};
  save_with(manifest, directory, files);
}

void write_manifest_as(const fs::path& other, const fs::path& directory,
                       const std::vector<std::string>& changed) {
  save_with(load_json(other / kManifestName, Exit::kFailed), directory, changed);
}

int64_t verify_manifest(const fs::path& directory, const std::vector<std::string>& files) {
  fs::path path = directory / kManifestName;
  std::error_code error;
  if (!fs::exists(path, error) && !error) {
    fail(Exit::kCheckpoint, directory.string(), ": not a whole checkpoint, ", kManifestName,
         " is missing");
  }
  json manifest = load_json(path, Exit::kCheckpoint);
  int64_t format = checked_format(manifest, directory);
  try {
    for (const std::string& file : files)
      verify_file(directory / file, manifest.at("files").at(file));
    return format;
  } catch (const json::exception& wrong) {
    fail(Exit::kCheckpoint, path.string(), ": not a manifest: ", wrong.what());
  }
}

}  // namespace diffeo
