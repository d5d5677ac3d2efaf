// A run that is interrupted and resumed ends in the same bytes as one that is not.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "train_run_support.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

void expect_same_tensors(const fs::path& one, const fs::path& other) {
  Warn none = [](const std::string&) {};
  for (const char* file : {"weights.safetensors", "optimizer.safetensors"}) {
    std::string whole = read_plainly(locate_checkpoint(one.string(), none) / file);
    EXPECT_TRUE(whole == read_plainly(locate_checkpoint(other.string(), none) / file))
        << other << ": " << file;
  }
}

// The first part ends where it is told, as a run that is given more steps later.
void compare_in_two_parts(const std::string& yaml, const TemporaryDirectory& directory,
                          std::vector<int64_t> firsts) {
  Overrides whole{"train.steps=13", "train.checkpoint_every=0", "train.evaluate_every=0"},
      part = whole;
  run_training(yaml, {.run = directory / "whole"}, whole);
  for (int64_t first : firsts) {
    fs::path run = directory / std::to_string(first);
    part[0] = "train.steps=" + std::to_string(first);
    run_training(yaml, {.run = run}, part);
    run_training(yaml, {.run = run, .resume = true}, whole);
    expect_same_tensors(directory / "whole", run);
  }
}

TEST(Resume, EndsInTheSameBytesAtAnyStep) {
  TemporaryDirectory directory;
  compare_in_two_parts(plane_yaml(), directory, {1, 7, 12});
}

TEST(Resume, EndsInTheSameBytesWithinAnEpochOfImagesWithAccumulation) {
  TemporaryDirectory directory;
  compare_in_two_parts(image_yaml(directory), directory, {2, 9});
}

TEST(Resume, AfterAStopBeforeTheFirstStepStartsAfresh) {
  TemporaryDirectory directory;
  StopRequest stop;
  stop.limit(0);
  Complaint complaint =
      complaint_of([&] { run_training(plane_yaml(), {.run = directory / "b", .stop = &stop}); });
  EXPECT_EQ(complaint.message, "stopped by the time limit");
  EXPECT_EQ(complaint.exit, Exit::kStopped);
  EXPECT_FALSE(fs::exists(directory / "b"));
  run_training(plane_yaml(), {.run = directory / "b", .resume = true});
  run_training(plane_yaml(), {.run = directory / "a"});
  expect_same_end(directory / "a", directory / "b");
}

TEST(Resume, OfTheStartAloneEndsInTheSameBytes) {
  TemporaryDirectory directory;
  StopRequest stop;
  stop.limit(0);
  {
    Prepared b(plane_yaml(), {.run = directory / "b"});
    TrainOptions stopping{.stop = &stop};
    Training training(b.config, stopping, b.data, b.learner, b.state, &b.journal);
    EXPECT_EQ(complaint_of([&] { training.run(); }).exit, Exit::kStopped);
    EXPECT_TRUE(training.save());
  }
  EXPECT_EQ(read_checkpoint(directory / "b/checkpoints/step_00000000").state.step, 0);
  run_training(plane_yaml(), {.run = directory / "b", .resume = true});
  run_training(plane_yaml(), {.run = directory / "a"});
  expect_same_end(directory / "a", directory / "b");
}

TEST(Resume, OfAFinishedRunChangesNothing) {
  TemporaryDirectory directory;
  run_training(plane_yaml(), {.run = directory / "a"});
  run_training(plane_yaml(), {.run = directory / "b"});
  TrainResult again = run_training(plane_yaml(), {.run = directory / "b", .resume = true});
  EXPECT_EQ(again.exit, Exit::kDone);
  expect_same_end(directory / "a", directory / "b");
}

TEST(Resume, CutsLinesThatADeadProcessWroteAfterItsCheckpointOfTheSameStep) {
  TemporaryDirectory directory;
  for (const char* run : {"a", "b"}) run_training(plane_yaml(), {.run = directory / run});
  std::string lines = read_plainly(directory / "b/metrics.jsonl");
  write_plainly(directory / "b/metrics.jsonl", lines + lines);
  run_training(plane_yaml(), {.run = directory / "b", .resume = true});
  expect_same_end(directory / "a", directory / "b");
}

// ---- processes that are stopped from outside ----

// Not a test: the program that the tests below start, stop and start again.
TEST(ResumeChild, DISABLED_Trains) {
  const char *run = std::getenv("DIFFEO_TEST_RUN"), *yaml = std::getenv("DIFFEO_TEST_YAML");
  if (!run || !yaml) GTEST_SKIP() << "only runs as a child";
  StopRequest stop;
  stop.listen();
  TrainOptions options{.run = run, .resume = true, .stop = &stop};
  std::exit(static_cast<int>(run_training(yaml, options).exit));
}

class Child {
 public:
  Child(const std::string& yaml, const fs::path& run) {
    ::setenv("DIFFEO_TEST_RUN", run.c_str(), 1);
    ::setenv("DIFFEO_TEST_YAML", yaml.c_str(), 1);
    process_ = ::fork();
    if (process_ != 0) return;
    int nowhere = ::open("/dev/null", O_WRONLY);
    for (int output : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, output);
    ::execl("/proc/self/exe", "diffeo_tests", "--gtest_filter=ResumeChild.*",
            "--gtest_also_run_disabled_tests", "--gtest_brief=1", nullptr);
    ::_exit(127);
  }

  // Sends the signal once `sign` is there.
  void send_after(const fs::path& sign, int signal) {
    for (int tries = 0; !fs::exists(sign) && tries < 6000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_TRUE(fs::exists(sign));
    ::kill(process_, signal);
  }

  int status() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    return status;
  }

 private:
  pid_t process_;
};

std::string long_yaml() {
  std::string yaml = plane_yaml();
  yaml.replace(yaml.find("steps: 24"), 9, "steps: 900");
  yaml.replace(yaml.find("checkpoint_every: 8"), 19, "checkpoint_every: 100");
  yaml.replace(yaml.find("evaluate_every: 12"), 18, "evaluate_every: 130");
  return yaml;
}

// Uninterrupted, shared by the tests below.
const fs::path& whole_run() {
  static TemporaryDirectory directory;
  static fs::path run = [] {
    run_training(long_yaml(), {.run = directory / "whole"});
    return directory / "whole";
  }();
  return run;
}

TEST(Resume, AfterKillNineEndsInTheSameBytes) {
  TemporaryDirectory directory;
  fs::path run = directory / "killed";
  for (const char* sign : {"step_00000100", "step_00000400"}) {
    Child child(long_yaml(), run);
    child.send_after(run / "checkpoints" / sign, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(child.status())) << "the child was done before it could be killed";
  }
  run_training(long_yaml(), {.run = run, .resume = true});
  expect_same_end(whole_run(), run);
}

TEST(Resume, AfterSigtermEndsInTheSameBytes) {
  TemporaryDirectory directory;
  fs::path run = directory / "stopped";
  for (const char* sign : {"step_00000200", "step_00000500"}) {
    Child child(long_yaml(), run);
    child.send_after(run / "checkpoints" / sign, SIGTERM);
    int status = child.status();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 75) << status;
    nlohmann::json summary = nlohmann::json::parse(read_plainly(run / "summary.json"));
    EXPECT_EQ(summary["exit"], "stopped");
    EXPECT_EQ(summary["reason"], "stopped by SIGTERM");
  }
  run_training(long_yaml(), {.run = run, .resume = true});
  expect_same_end(whole_run(), run);
}

}  // namespace
}  // namespace diffeo
