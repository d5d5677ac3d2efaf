#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace diffeo {

// What some file systems cannot do, and a training does without rather than end: Lustre and NFS may
// have no locks, several FUSE file systems cannot sync a folder or a file.
enum class Shortcoming { kLock, kFileSync, kFolderSync };

// Whether this error number says that the system has no such operation here.
bool is_unsupported(int error_number);

// Remembers that it could not be done at `path`. Only the first of a kind counts in a process.
void note_shortcoming(Shortcoming kind, const std::filesystem::path& path, int error_number);

// What was noted since this was last called, each as a warning for the user.
std::vector<std::string> take_shortcomings();

}  // namespace diffeo
