#include "io/run_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "io_support.h"

namespace diffeo {
namespace {

TEST(RunLock, NamesTheProcessThatWasFirst) {
  TemporaryDirectory directory;
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  RunLock first(directory.path());
  Complaint second = complaint_of([&] { RunLock(directory.path()); });
  EXPECT_EQ(second.message,
            joined(directory.path().string(), ": another process is writing here (process ",
                   ::getpid(), " on ", host, "); wait for its end or choose another directory"));
  EXPECT_EQ(second.exit, Exit::kUsage);
}

TEST(RunLock, EndsWithItsObject) {
  TemporaryDirectory directory;
  {
    RunLock first(directory.path());
  }
  EXPECT_EQ(message_of([&] { RunLock(directory.path()); }), "no error");
}

TEST(RunLock, EndsWithAProcessThatIsKilled) {
  TemporaryDirectory directory;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t child = ::fork();
  if (child == 0) {
    RunLock lock(directory.path());
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_NE(message_of([&] { RunLock(directory.path()); }).find(joined("process ", child, " on ")),
            std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(message_of([&] { RunLock(directory.path()); }), "no error");
}

TEST(RunLock, SaysWhereTheDirectoryIsMissing) {
  Complaint complaint = complaint_of([] { RunLock("/nowhere"); });
  EXPECT_EQ(complaint.message, "/nowhere/.lock: cannot be written: no such file or directory");
  EXPECT_EQ(complaint.exit, Exit::kFailed);
}

}  // namespace
}  // namespace diffeo
