// What people and programs read of a training: console, log, metrics, and the request to stop.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "io/durable.h"
#include "runs/metrics.h"
#include "terminal/log.h"
#include "terminal/signals.h"
#include "train_support.h"

namespace diffeo {
namespace {

const Progress kHalf{.step = 50,
                     .steps = 100,
                     .value = "3.4120 bits/dim",
                     .examples_per_second = 512.4,
                     .examples = "images",
                     .seconds_left = 125};

TEST(Progress, SaysWhereItIsAndHowLongItTakes) {
  EXPECT_EQ(progress_text(kHalf), "step 50/100  3.4120 bits/dim  512 images/s  2 min left");
  Progress fresh{.step = 1, .steps = 100, .examples = "images", .seconds_left = 99};
  EXPECT_EQ(progress_text(fresh), "step 1/100  99 s left");
  EXPECT_EQ(span_text(40.4), "40 s");
  EXPECT_EQ(span_text(7500), "2 h 5 min");
}

TEST(Console, ShowsPlainLinesSparselyWhereThereIsNoTerminal) {
  ConsoleText plain;
  for (int i = 0; i < 100; ++i) plain.console().show(kHalf);
  plain.console().warning("beware");
  EXPECT_EQ(plain.text(), progress_text(kHalf) + "\nwarning: beware\n");
}

TEST(Console, TakesTheBarAwayForALine) {
  ConsoleText terminal(Console::Kind::kTerminal);
  for (int i = 0; i < 100; ++i) terminal.console().show(kHalf);
  terminal.console().line("a line");
  const std::string erase = "\r\x1b[2K";
  EXPECT_EQ(terminal.text(),
            erase + "[===========           ] " + progress_text(kHalf) + erase + "a line\n");
}

TEST(Console, ColoursOnlyWhereTheyAreWanted) {
  ConsoleText colourful(Console::Kind::kTerminal, true);
  colourful.console().warning("beware");
  EXPECT_EQ(colourful.text(), "\x1b[33mwarning:\x1b[0m beware\n");
}

TEST(Log, WritesToTheConsoleAndWithTimesToAFile) {
  TemporaryDirectory directory;
  ConsoleText text;
  Log log(text.console());
  log.info("before");
  log.also_to(directory / "train.log");
  log.info("100% {done}");
  log.warn("odd");
  log.detail("only here");
  EXPECT_EQ(text.text(), "before\n100% {done}\nwarning: odd\n");
  std::string file = read_plainly(directory / "train.log");
  EXPECT_EQ(std::count(file.begin(), file.end(), '\n'), 3);
  EXPECT_NE(file.find(" info: 100% {done}\n"), std::string::npos) << file;
  EXPECT_NE(file.find(" warning: odd\n"), std::string::npos) << file;
  EXPECT_NE(file.find(" debug: only here\n"), std::string::npos) << file;
}

nlohmann::json metric(int64_t step) { return {{"step", step}, {"kind", "train"}}; }

TEST(Metrics, CutsWhatAResumedRunWritesAgain) {
  TemporaryDirectory directory;
  std::filesystem::path file = directory / "metrics.jsonl";
  {
    Metrics metrics(file, 0);
    for (int64_t step : {5, 10, 15}) metrics.add(metric(step));
    EXPECT_EQ(metrics.lines(), 3);
    metrics.sync();
  }
  write_plainly(file, read_plainly(file) + "{\"step\": 20, \"ki");
  Metrics resumed(file, 2);
  EXPECT_EQ(resumed.lines(), 2);
  resumed.add(metric(11));
  resumed.sync();
  EXPECT_EQ(read_plainly(file),
            metric(5).dump() + "\n" + metric(10).dump() + "\n" + metric(11).dump() + "\n");
  Metrics more_than_there_are(file, 7);
  EXPECT_EQ(more_than_there_are.lines(), 3);
  Metrics anew(file, 0);
  EXPECT_EQ(read_plainly(file), "");
}

TEST(Metrics, KeepsLinesThatAFullDiskRefuses) {
  TemporaryDirectory directory;
  std::filesystem::path disk = directory / "disk";
  std::filesystem::create_directory(disk);
  if (::geteuid() != 0 || ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  write_plainly(disk / "ballast", std::string(65536, 'x'));
  {
    Metrics metrics(disk / "metrics.jsonl", 0);
    metrics.add(metric(1));
    std::string message = message_of([&] { metrics.sync(); });
    EXPECT_EQ(message, (disk / "metrics.jsonl").string() + ": cannot be written: the disk is full");
    std::filesystem::remove(disk / "ballast");
    metrics.add(metric(2));
    metrics.sync();
    EXPECT_EQ(read_plainly(disk / "metrics.jsonl"),
              metric(1).dump() + "\n" + metric(2).dump() + "\n");
  }
  ::umount(disk.c_str());
}

// Signals act as by default where a test begins: under nohup, SIGHUP is ignored.
class StopSignals : public testing::Test {
 protected:
  void SetUp() override {
    for (int number : kAsking) ::signal(number, SIG_DFL);
  }
  void TearDown() override { SetUp(); }
  static constexpr std::array kAsking{SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
};

TEST_F(StopSignals, AreAFlagUntilItIsAsked) {
  StopRequest stop;
  stop.listen();
  stop.poll();
  EXPECT_EQ(stop.reason(), std::nullopt);
  ::raise(SIGTERM);
  EXPECT_EQ(stop.reason(), "SIGTERM");
  Complaint complaint = complaint_of([&] { stop.poll(); });
  EXPECT_EQ(complaint.message, "stopped by SIGTERM");
  EXPECT_EQ(complaint.exit, Exit::kStopped);
}

TEST_F(StopSignals, AskOnceHoweverManyCome) {
  for (int first : {SIGTERM, SIGHUP, SIGUSR2, SIGXCPU, SIGINT}) {
    StopRequest stop;
    stop.listen();
    ::raise(first);
    std::string reason = stop.reason().value_or("nothing");
    for (int next : {SIGTERM, SIGHUP, SIGUSR2, SIGXCPU, SIGTERM, SIGUSR1}) ::raise(next);
    EXPECT_EQ(stop.reason(), reason) << "the first is the reason";
    std::string name = std::string("SIG") + ::sigabbrev_np(first);
    EXPECT_TRUE(reason.starts_with(name)) << reason << ", expected " << name;
  }
}

TEST_F(StopSignals, OfTheFirstUserAskForACheckpointOnly) {
  StopRequest stop;
  stop.listen();
  EXPECT_FALSE(stop.take_save_request());
  ::raise(SIGUSR1);
  ::raise(SIGUSR1);
  EXPECT_EQ(stop.reason(), std::nullopt);
  EXPECT_TRUE(stop.take_save_request());
  EXPECT_FALSE(stop.take_save_request()) << "it is asked for once";
}

TEST_F(StopSignals, ThatAreIgnoredStayIgnoredAndAllAreAsBeforeInTheEnd) {
  ::signal(SIGHUP, SIG_IGN);
  {
    StopRequest stop;
    stop.listen();
    ::raise(SIGHUP);
    EXPECT_EQ(stop.reason(), std::nullopt);
    ::raise(SIGTERM);
    stop.release();
  }
  struct sigaction found = {};
  for (int number : kAsking) {
    ::sigaction(number, nullptr, &found);
    EXPECT_EQ(found.sa_handler, number == SIGHUP ? SIG_IGN : SIG_DFL) << number;
  }
}

TEST_F(StopSignals, OfRefusedWritesDoNotEndTheProcess) {
  TemporaryDirectory directory;
  StopRequest stop;
  stop.listen();
  struct rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit small = {1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string message =
      message_of([&] { write_durably(directory / "large", std::string(5000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  stop.release();
  EXPECT_TRUE(
      message.ends_with("cannot be written: the file would be larger than the system allows"))
      << message;
}

TEST(StopRequest, HasALimitOfTime) {
  StopRequest stop;
  EXPECT_EQ(stop.reason(), std::nullopt);
  stop.limit(1e6);
  EXPECT_EQ(stop.reason(), std::nullopt);
  stop.limit(0);
  EXPECT_EQ(stop.reason(), "the time limit");
}

TEST(StopRequestDeathTest, ASecondInterruptActsAtOnce) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto interrupts = [] {
    StopRequest stop;
    stop.listen();
    ::raise(SIGTERM);
    ::raise(SIGINT);
    ::raise(SIGTERM);
    if (stop.reason() != "SIGTERM") std::exit(1);
    ::raise(SIGINT);
  };
  EXPECT_EXIT(interrupts(), testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace diffeo
