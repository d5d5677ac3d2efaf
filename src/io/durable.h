#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "io/descriptor.h"

namespace diffeo {

// Writes that survive a crash: whoever looks, also after a power cut, finds the old file or the
// whole new one. Names of what is not finished or no longer wanted begin with ".tmp-"; they are
// short, so that a file's own name may be as long as the system allows. Every error says what the
// system refused and why. Where a file system knows no sync, writes are only as durable as it makes
// them, and io/shortcomings.h tells the user.

// A file that appears under its name, or replaces the one there, when it is whole. Links are
// followed, also to a file that is not there yet.
class DurableFile {
 public:
  explicit DurableFile(const std::filesystem::path& path);
  ~DurableFile();  // without commit(): nothing is left behind, what stood at `path` stays
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(const void* from, uint64_t count);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  Descriptor file_;
};

void write_durably(const std::filesystem::path& path, std::string_view bytes);

// Makes the bytes of an open file durable; `path` names it in errors.
void sync_file(int file, const std::filesystem::path& path);

// Makes the names in a directory durable: the files in it must be synced already.
void sync_directory(const std::filesystem::path& directory);

// Within one file system. A directory that is not empty is not replaced.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

// Puts the directory `from`, a temporary one, in the place of `to`, of which nothing is left.
// Nothing at `to` is no error. Whatever fails, `to` stands until `from` stands in its place, and an
// error leaves nothing of `from`. At every moment one of them is at `to`, but where the file system
// cannot exchange names: there the old one is called ".old-NAME" for a moment, and
// remove_leftovers() brings it back if the process ends within it.
void replace_durably(const std::filesystem::path& from, const std::filesystem::path& to);

// A file, or a directory with all it holds; renamed away first, so that a crash leaves no half of
// it under its name. Nothing there is no error.
void remove_durably(const std::filesystem::path& path);

// A directory that `fill` writes, whole or not at all: it is filled beside `target` and put in its
// place by replace_durably(). Whatever fill() throws, nothing of it is left.
void write_directory_durably(const std::filesystem::path& target,
                             const std::function<void(const std::filesystem::path&)>& fill);

// A new directory beside `target`, to be filled and then renamed to it.
std::filesystem::path make_temporary_directory(const std::filesystem::path& target);

// With all its parents, each made durable. A directory already there is no error.
void make_directories(const std::filesystem::path& directory);

// Removes what an interrupted process left unfinished in `directory`, and brings back what it had
// set aside to replace. Only for the one writer of a directory.
void remove_leftovers(const std::filesystem::path& directory);

}  // namespace diffeo
