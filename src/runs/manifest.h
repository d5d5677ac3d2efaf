#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace diffeo {

// MANIFEST.json: size and XXH3 (128 bits) of every file of a checkpoint. It is written last, so a
// directory without it is not whole.
constexpr const char* kManifestName = "MANIFEST.json";

void write_manifest(const std::filesystem::path& directory, const std::vector<std::string>& files);

// The manifest of a directory that differs from another one in the `changed` files alone: for the
// others the checksums hold that were made when they were written.
void write_manifest_as(const std::filesystem::path& other, const std::filesystem::path& directory,
                       const std::vector<std::string>& changed);

// The checkpoint's format. Throws Exit::kCheckpoint for a newer one and for the first file that is
// missing or not what was written.
int64_t verify_manifest(const std::filesystem::path& directory,
                        const std::vector<std::string>& files);

}  // namespace diffeo
