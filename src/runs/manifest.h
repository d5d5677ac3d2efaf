#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace diffeo {

// MANIFEST.json: size and XXH3 (128 bits) of every file of a checkpoint. It is written last, so a
// directory without it is not whole.
constexpr const char* kManifestName = "MANIFEST.json";

void write_manifest(const std::filesystem::path& directory, const std::vector<std::string>& files);

// Throws Exit::kCheckpoint for a newer format and for the first file that is missing or not what
// was written.
void verify_manifest(const std::filesystem::path& directory, const std::vector<std::string>& files);

}  // namespace diffeo
