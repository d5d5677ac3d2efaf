// Reading whole files, durable writes, JSON, hashes.

#include "io/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "io/durable.h"
#include "io/hash.h"
#include "io/json.h"
#include "io_support.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

size_t entries_in(const fs::path& directory) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST(ReadFile, GivesTheBytes) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", std::string("x\0y", 3));
  EXPECT_EQ(read_file(directory / "a", 3), std::string("x\0y", 3));
}

TEST(ReadFile, SaysWhatIsWrong) {
  TemporaryDirectory directory;
  fs::path file = directory / "a";
  auto read = [&] { read_file(file, 4); };
  EXPECT_EQ(message_of(read), file.string() + ": no such file");
  write_plainly(file, "");
  EXPECT_EQ(message_of(read), file.string() + ": is empty");
  write_plainly(file, "12345");
  EXPECT_EQ(message_of(read), file.string() + ": holds 5 bytes, expected at most 4");
  EXPECT_EQ(message_of([&] { read_file(directory.path(), 4); }),
            directory.path().string() + ": is a directory, expected a file");
  EXPECT_EQ(message_of([&] { read_file(directory / "b/c", 4); }),
            (directory / "b/c").string() + ": no such file, the folder " +
                (directory / "b").string() + " does not exist either");
  EXPECT_EQ(
      message_of([&] { read_file(directory / "a/c", 4); }),
      (directory / "a/c").string() + ": cannot be read: a part of the path is not a directory");
  EXPECT_EQ(message_of([] { read_file("/dev/null", 4); }),
            "/dev/null: is a pipe or a device, expected a file");
}

TEST(ReadFile, DoesNotWaitForTheOtherEndOfAPipe) {
  TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(message_of([&] { read_file(directory / "pipe", 4); }),
            (directory / "pipe").string() + ": is a pipe or a device, expected a file");
}

TEST(ReadFile, LeavesTheExitToTheCaller) {
  EXPECT_EQ(complaint_of([] { read_file("/nowhere", 1); }).exit, Exit::kData);
  EXPECT_EQ(complaint_of([] { read_file("/nowhere", 1, Exit::kCheckpoint); }).exit,
            Exit::kCheckpoint);
}

TEST(FileInput, NoticesThatTheFileShrinks) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "12345678");
  FileInput in(directory / "a");
  fs::resize_file(directory / "a", 3);
  EXPECT_EQ(
      message_of([&] { in.read_text(8, "the middle"); }),
      (directory / "a").string() + ": ends within the middle: it became shorter while it was read");
}

TEST(MemoryInput, CountsWhatIsLeft) {
  MemoryInput in("memory", "abcdef");
  EXPECT_EQ(in.read_text(4, "the start"), "abcd");
  EXPECT_EQ(in.remaining(), 2u);
  EXPECT_EQ(message_of([&] { in.read_value<uint32_t>("a number"); }),
            "memory: ends within a number: expected 4 bytes, found 2");
  EXPECT_EQ(message_of([&] { in.read_text(~uint64_t{0}, "everything"); }),
            "memory: ends within everything: expected 18446744073709551615 bytes, found 2");
  EXPECT_EQ(message_of([&] { in.finish(); }), "memory: 2 bytes too many at the end");
}

TEST(WriteDurably, ReplacesAFileAndLeavesNothingElse) {
  TemporaryDirectory directory;
  write_durably(directory / "a", "old");
  write_durably(directory / "a", "new");
  EXPECT_EQ(read_plainly(directory / "a"), "new");
  EXPECT_EQ(entries_in(directory.path()), 1u);
}

TEST(WriteDurably, TakesARelativeNameWithoutAFolder) {
  TemporaryDirectory directory;
  fs::path before = fs::current_path();
  fs::current_path(directory.path());
  write_durably("a", "here");
  fs::current_path(before);
  EXPECT_EQ(read_plainly(directory / "a"), "here");
}

TEST(WriteDurably, GivesTheFileTheUsualPermissions) {
  TemporaryDirectory directory;
  mode_t before = ::umask(027);
  write_durably(directory / "a", "x");
  ::umask(before);
  EXPECT_EQ(fs::status(directory / "a").permissions(), fs::perms(0640));
}

TEST(WriteDurably, FollowsLinks) {
  TemporaryDirectory directory;
  write_plainly(directory / "file", "old");
  fs::create_symlink("file", directory / "link");
  write_durably(directory / "link", "new");
  EXPECT_TRUE(fs::is_symlink(directory / "link"));
  EXPECT_EQ(read_plainly(directory / "file"), "new");
}

TEST(WriteDurably, WritesThroughLinksToFilesThatAreNotThereYet) {
  TemporaryDirectory directory;
  fs::create_directory(directory / "store");
  fs::create_symlink("store/file", directory / "link");
  fs::create_symlink(directory / "link", directory / "link to a link");
  write_durably(directory / "link to a link", "new");
  EXPECT_TRUE(fs::is_symlink(directory / "link"));
  EXPECT_EQ(read_plainly(directory / "store/file"), "new");
  fs::create_symlink(directory / "none/file", directory / "lost");
  EXPECT_EQ(message_of([&] { write_durably(directory / "lost", "x"); }),
            (directory / "none/file").string() + ": cannot be written: no such file or directory");
  fs::create_symlink("circle", directory / "circle");
  EXPECT_EQ(
      message_of([&] { write_durably(directory / "circle", "x"); }),
      (directory / "circle").string() + ": cannot be written: Too many levels of symbolic links");
}

TEST(WriteDurably, TakesNamesAsLongAsTheSystemDoes) {
  TemporaryDirectory directory;
  write_durably(directory / std::string(255, 'x'), "long");
  EXPECT_EQ(read_plainly(directory / std::string(255, 'x')), "long");
  EXPECT_TRUE(message_of([&] {
                write_durably(directory / std::string(256, 'x'), "x");
              }).ends_with(": cannot be written: the name is too long"));
  EXPECT_EQ(entries_in(directory.path()), 1u);
}

TEST(WriteDurably, NeverReplacesADeviceOrADirectory) {
  TemporaryDirectory directory;
  EXPECT_EQ(message_of([] { write_durably("/dev/null", "x"); }),
            "/dev/null: is a pipe or a device, expected the name of a file");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(message_of([&] { write_durably(directory.path(), "x"); }),
            directory.path().string() + ": is a directory, expected the name of a file");
  EXPECT_EQ(message_of([&] { write_durably(directory / "none/a", "x"); }),
            (directory / "none/a").string() + ": cannot be written: no such file or directory");
}

TEST(DurableFile, LeavesTheOldFileWhereItIsNotCommitted) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "old");
  {
    DurableFile file(directory / "a");
    file.write("new");
    EXPECT_EQ(entries_in(directory.path()), 2u);
  }
  EXPECT_EQ(read_plainly(directory / "a"), "old");
  EXPECT_EQ(entries_in(directory.path()), 1u);
}

TEST(DurableFile, TwoWritersOfOneNameDoNotMix) {
  TemporaryDirectory directory;
  DurableFile one(directory / "a"), two(directory / "a");
  one.write("one");
  two.write("two");
  one.commit();
  two.commit();
  EXPECT_EQ(read_plainly(directory / "a"), "two");
}

// A small file system, where the system lets this process mount one.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = ::mount("tmpfs", point_.path().c_str(), "tmpfs", 0, "size=64k") == 0; }
  ~SmallDisk() {
    if (mounted_) ::umount(point_.path().c_str());
  }
  bool mounted() const { return mounted_; }
  void make_read_only() const {
    ::mount("", point_.path().c_str(), "", MS_REMOUNT | MS_RDONLY, "");
  }
  fs::path operator/(const std::string& name) const { return point_ / name; }

 private:
  TemporaryDirectory point_;
  bool mounted_ = false;
};

TEST(WriteDurably, LeavesTheOldFileWhereTheDiskIsFull) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a small file system";
  write_durably(disk / "a", "old");
  EXPECT_EQ(message_of([&] { write_durably(disk / "a", std::string(100000, 'x')); }),
            (disk / "a").string() + ": cannot be written: the disk is full");
  EXPECT_EQ(read_plainly(disk / "a"), "old");
  write_durably(disk / "a", std::string(50000, 'y'));
  EXPECT_EQ(read_plainly(disk / "a").size(), 50000u) << "the failed file still takes room";
}

TEST(WriteDurably, LeavesTheOldFileWhereTheDiskIsReadOnly) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a small file system";
  write_durably(disk / "a", "old");
  disk.make_read_only();
  EXPECT_EQ(message_of([&] { write_durably(disk / "a", "new"); }),
            (disk / "a").string() + ": cannot be written: the file system is read-only");
  EXPECT_EQ(read_plainly(disk / "a"), "old");
}

// Runs `act` in a child and gives its message; so a limit or a user id does not outlive it.
std::string message_in_child(const std::function<void()>& prepare,
                             const std::function<void()>& act) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  pid_t child = ::fork();
  if (child == 0) {
    prepare();
    std::string message = message_of(act);
    ssize_t put = ::write(ends[1], message.data(), message.size());
    ::_exit(put < 0);
  }
  ::close(ends[1]);
  std::string message(1000, '\0');
  ssize_t got = ::read(ends[0], message.data(), message.size());
  message.resize(got < 0 ? 0 : static_cast<size_t>(got));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return message;
}

TEST(WriteDurably, LeavesTheOldFileAtTheLimitOfTheFileSize) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "old");
  auto limit = [] {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit bytes{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &bytes);
  };
  EXPECT_EQ(
      message_in_child(limit, [&] { write_durably(directory / "a", std::string(5000, 'x')); }),
      (directory / "a").string() +
          ": cannot be written: the file would be larger than the system allows");
  EXPECT_EQ(read_plainly(directory / "a"), "old");
  EXPECT_EQ(entries_in(directory.path()), 1u);
}

TEST(WriteDurably, LeavesTheOldFileInAFolderOfSomeoneElse) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "old");
  fs::permissions(directory.path(), fs::perms(0555));
  auto become_nobody = [] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);
  };
  EXPECT_EQ(message_in_child(become_nobody, [&] { write_durably(directory / "a", "new"); }),
            (directory / "a").string() + ": cannot be written: permission denied");
  EXPECT_EQ(read_plainly(directory / "a"), "old");
  fs::permissions(directory.path(), fs::perms(0755));
}

TEST(RenameDurably, MovesADirectoryButNeverOverAFullOne) {
  TemporaryDirectory directory;
  fs::path made = make_temporary_directory(directory / "step");
  write_plainly(made / "a", "1");
  rename_durably(made, directory / "step");
  EXPECT_EQ(read_plainly(directory / "step/a"), "1");
  fs::path again = make_temporary_directory(directory / "step");
  EXPECT_EQ(message_of([&] { rename_durably(again, directory / "step"); }),
            again.string() + ": cannot be renamed to " + (directory / "step").string() +
                ": it exists already");
}

TEST(RemoveDurably, RemovesFilesAndWholeDirectories) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "1");
  make_directories(directory / "b/c/d");
  write_plainly(directory / "b/c/x", "1");
  remove_durably(directory / "a");
  remove_durably(directory / "b");
  remove_durably(directory / "never there");
  EXPECT_EQ(entries_in(directory.path()), 0u);
}

TEST(RemoveDurably, WorksOnAFullDisk) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a small file system";
  make_directories(disk / "step");
  write_plainly(disk / "step/a", std::string(100000, 'x'));
  remove_durably(disk / "step");
  EXPECT_FALSE(fs::exists(disk / "step"));
}

TEST(RemoveDurably, RemovesALinkAndNotWhatItPointsTo) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "1");
  fs::create_symlink("a", directory / "link");
  remove_durably(directory / "link");
  EXPECT_EQ(read_plainly(directory / "a"), "1");
  EXPECT_EQ(entries_in(directory.path()), 1u);
}

TEST(RemoveLeftovers, TakesOnlyWhatIsUnfinished) {
  TemporaryDirectory directory;
  write_plainly(make_temporary_directory(directory / "step") / "a", "1");
  write_plainly(directory / "kept", "1");
  remove_leftovers(directory.path());
  EXPECT_EQ(entries_in(directory.path()), 1u);
  EXPECT_TRUE(fs::exists(directory / "kept"));
}

TEST(MakeDirectories, SaysWhereAFileStandsInTheWay) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "1");
  EXPECT_EQ(
      message_of([&] { make_directories(directory / "a/b"); }),
      (directory / "a/b").string() + ": cannot be created: a part of the path is not a directory");
  EXPECT_EQ(
      message_of([&] { make_directories(directory / "a"); }),
      (directory / "a").string() + ": cannot be created: a part of the path is not a directory");
}

TEST(MakeDirectories, SaysWhereALinkLeadsToNothing) {
  TemporaryDirectory directory;
  fs::create_symlink("/nowhere/at/all", directory / "run");
  EXPECT_EQ(message_of([&] { make_directories(directory / "run/samples"); }),
            (directory / "run").string() +
                ": is a link to /nowhere/at/all, which does not exist; "
                "make that folder or name another");
  EXPECT_EQ(message_of([&] { read_file(directory / "run", 9); }),
            (directory / "run").string() + ": is a link to /nowhere/at/all, which does not exist");
}

TEST(MakeDirectories, MakesEachNameDurable) {
  TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms(0333));
  auto become_nobody = [] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);
  };
  EXPECT_EQ(message_in_child(become_nobody, [&] { make_directories(directory / "a/b"); }),
            directory.path().string() + ": cannot be synced: permission denied");
  EXPECT_TRUE(fs::exists(directory / "a/b"));
  fs::permissions(directory.path(), fs::perms(0755));
}

TEST(EntriesOf, AreNoneWhereThereIsNoDirectory) {
  TemporaryDirectory directory;
  write_plainly(directory / "a", "1");
  EXPECT_EQ(entries_of(directory.path()), (std::vector<fs::path>{directory / "a"}));
  EXPECT_TRUE(entries_of(directory / "b").empty());
  EXPECT_TRUE(entries_of(directory / "a/b").empty());
  Complaint complaint =
      complaint_of([&] { entries_of(directory / std::string(300, 'x'), Exit::kCheckpoint); });
  EXPECT_EQ(complaint.message, (directory / std::string(300, 'x')).string() +
                                   ": cannot be read: the name is too long");
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
}

TEST(Json, RoundTrips) {
  TemporaryDirectory directory;
  nlohmann::json value = {{"step", 3}, {"loss", 1.5}, {"names", {"a", "b"}}};
  save_json(directory / "a.json", value);
  EXPECT_EQ(load_json(directory / "a.json"), value);
  EXPECT_EQ(read_plainly(directory / "a.json").back(), '\n');
}

TEST(Json, StoresWhatIsNotUtf8Legibly) {
  TemporaryDirectory directory;
  save_json(directory / "a.json", {{"path", "a\xff"}});
  EXPECT_EQ(load_json(directory / "a.json")["path"], "a\xef\xbf\xbd");
}

TEST(Json, SaysWhereItIsWrong) {
  auto message = [](const std::string& text) {
    return message_of([&] { parse_json(text, "a.json"); });
  };
  EXPECT_EQ(message("{\"a\": 1,\n \"b\": }"),
            "a.json: parse error at line 2, column 7: syntax error while parsing value - "
            "unexpected '}'; expected '[', "
            "'{', or a literal");
  EXPECT_EQ(message("{\"a\": 1, \"b\": {\"a\": 2}, \"a\": 3}"),
            "a.json: the key \"a\" stands twice in one object");
  EXPECT_EQ(message("{\"a\": {\"b\": 1}, \"c\": {\"b\": 2}}"), "no error");
  EXPECT_EQ(message(std::string(100000, '[')), "a.json: nested more than 64 levels deep");
  EXPECT_EQ(complaint_of([] { parse_json("[", "a", Exit::kCheckpoint); }).exit, Exit::kCheckpoint);
  EXPECT_NE(message("1e999"), "no error");
  EXPECT_NE(message("\"\xff\""), "no error");
  EXPECT_NE(message("{} {}"), "no error");
}

TEST(Hash, IsTheOneOfXxhsum) {
  EXPECT_EQ(xxh3_128(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(xxh3_128("diffeo").size(), 32u);
}

TEST(Hash, IsTheSameOfAFileAndOfItsBytes) {
  TemporaryDirectory directory;
  std::string bytes((3 << 20) + 17, 'x');
  for (size_t i = 0; i < bytes.size(); i += 7) bytes[i] = static_cast<char>(i);
  write_plainly(directory / "a", bytes);
  EXPECT_EQ(xxh3_128_of_file(directory / "a"), xxh3_128(bytes));
  bytes.back() ^= 1;
  EXPECT_NE(xxh3_128_of_file(directory / "a"), xxh3_128(bytes));
}

}  // namespace
}  // namespace diffeo
