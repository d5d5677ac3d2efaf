// Whole trainings: what they leave behind, what they refuse, and how they end when something goes wrong.

#include <gtest/gtest.h>

#include "data/data.h"
#include "io/json.h"
#include "train/load_flow.h"
#include "train/run_directory.h"
#include "train_run_support.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const Warn kNoWarning = [](const std::string& warning) { ADD_FAILURE() << warning; };

TEST(Run, LeavesAllThatItPromises) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  ConsoleText text;
  TrainOptions options{.run = run, .command = {"diffeo", "train", "my config.yaml"}};
  TrainResult result = run_training(plane_yaml(), options, {"train.sample_temperatures=[1]"}, &text);
  EXPECT_EQ(result.exit, Exit::kDone);
  EXPECT_EQ(read_plainly(run / "command.txt"), "diffeo train 'my config.yaml'\n");
  EXPECT_EQ(to_yaml(read_config(run / "config.yaml")), read_plainly(run / "config.yaml"));
  for (const char* file : {"environment.json", "train.log", "metrics.jsonl", "checkpoints/step_00000024/MANIFEST.json",
                           "samples/step_00000024.png", "samples/step_00000024_warp.png"}) {
    EXPECT_TRUE(fs::exists(run / file)) << file;
  }
  json summary = load_json(run / "summary.json");
  EXPECT_EQ(summary, result.summary);
  EXPECT_EQ(summary["exit"], "done");
  EXPECT_EQ(summary["test"]["examples"], 100);
  EXPECT_GT(summary["test"]["standard_error"], 0);
  EXPECT_LT(summary["best"]["nats"], 2.1);
  EXPECT_EQ(summary["checkpoints"]["latest"], (run / "checkpoints/step_00000024").string());
  EXPECT_NE(text.text().find("step 24: test 1.9"), std::string::npos) << text.text();
  EXPECT_NE(text.text().find(" nats over 100 examples, the best so far\n"), std::string::npos) << text.text();
}

TEST(Run, OfImagesIsMeasuredInBitsPerDimension) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  TrainResult result = run_training(image_yaml(directory), {.run = run}, {"train.sample_temperatures=[0.7, 1]"});
  EXPECT_NEAR(result.summary["test"]["bits_per_dim"].get<double>(),
              result.summary["test"]["nats"].get<double>() / (16 * std::log(2.0)), 1e-9);
  EXPECT_TRUE(fs::exists(run / "samples/step_00000020.png"));
  for (const json& line : timeless_metrics(run)) EXPECT_TRUE(line.contains("bits_per_dim")) << line;
}

TEST(Run, IsTheSameTwice) {
  TemporaryDirectory directory;
  run_training(plane_yaml(), {.run = directory / "a"});
  run_training(plane_yaml(), {.run = directory / "b"});
  expect_same_end(directory / "a", directory / "b");
}

TEST(Run, LoadsBackTheWeightsItEndedWith) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  TrainResult result = run_training(plane_yaml(), {.run = run});
  LoadedFlow averaged = load_flow(run.string(), at::kFloat, Weights::kAverage, kNoWarning);
  LoadedFlow raw = load_flow(run.string() + ":latest", at::kDouble, Weights::kRaw, kNoWarning);
  EXPECT_EQ(averaged.state.step, 24);
  EXPECT_TRUE(averaged.averaged && !raw.averaged);
  Data data = load_data(averaged.config.data, static_cast<uint64_t>(averaged.config.seed));
  EvaluateOptions options{.batch_size = 16, .seed = 3};
  EXPECT_EQ(evaluate(*averaged.flow, data.split("test"), options).nats, result.summary["test"]["nats"].get<double>());
  EXPECT_NE(evaluate(*raw.flow, data.split("test"), options).nats, result.summary["test"]["nats"].get<double>());
}

TEST(Run, LeavesAnExistingFolderAlone) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  fs::create_directory(run);
  write_plainly(run / "mine", "x");
  Complaint complaint = complaint_of([&] { run_training(plane_yaml(), {.run = run}); });
  EXPECT_EQ(complaint.message, run.string() + ": exists and is not empty; --resume continues the run in it, --run DIR "
                                              "names another folder for a new one");
  EXPECT_EQ(complaint.exit, Exit::kUsage);
  EXPECT_EQ(std::distance(fs::directory_iterator(run), {}), 1);
}

TEST(Run, RemovesWhatADeadProcessLeftUnfinished) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  std::vector<fs::path> leftovers{run / ".tmp-1-0-summary.json", run / "samples/.tmp-1-0-step_00000001.png",
                                  run / "checkpoints/.tmp-1-0-step_00000001/weights.safetensors"};
  for (const fs::path& leftover : leftovers) {
    fs::create_directories(leftover.parent_path());
    write_plainly(leftover, "half");
  }
  RunDirectory again(run, true);
  for (const fs::path& leftover : leftovers) EXPECT_FALSE(fs::exists(leftover)) << leftover;
}

TEST(Run, HasOneWriter) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  RunDirectory first(run, false);
  Complaint complaint = complaint_of([&] { run_training(plane_yaml(), {.run = run, .resume = true}); });
  EXPECT_TRUE(complaint.message.starts_with(run.string() + ": another process is writing here (")) << complaint.message;
  EXPECT_EQ(complaint.exit, Exit::kUsage);
}

TEST(Run, WritesNothingWhereTheDataAreRefused) {
  TemporaryDirectory directory;
  std::string yaml = image_yaml(directory);
  fs::remove(directory / "images.npy");
  EXPECT_EQ(complaint_of([&] { run_training(yaml, {.run = directory / "run"}); }).exit, Exit::kData);
  EXPECT_FALSE(fs::exists(directory / "run"));
}

TEST(Run, HasANumberedFolderByDefault) {
  TemporaryDirectory directory;
  fs::path before = fs::current_path();
  fs::current_path(directory.path());
  EXPECT_EQ(default_run("configs/glow.yaml", false), "runs/glow/001");
  EXPECT_EQ(default_run("configs/glow.yaml", true), "runs/glow/001");
  fs::create_directories("runs/glow/001");
  EXPECT_EQ(default_run("configs/glow.yaml", false), "runs/glow/002");
  EXPECT_EQ(default_run("configs/glow.yaml", true), "runs/glow/001");
  fs::current_path(before);
}

// ---- going on, and starting from another ----

TEST(Run, ResumedWithAnotherModelIsRefusedAndUntouched) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  run_training(plane_yaml(), {.run = run});
  std::string metrics = read_plainly(run / "metrics.jsonl"), config = read_plainly(run / "config.yaml");
  Complaint complaint = complaint_of([&] { run_training(plane_yaml(), {.run = run, .resume = true}, {"seed=9"}); });
  EXPECT_EQ(complaint.exit, Exit::kUsage);
  EXPECT_EQ(read_plainly(run / "metrics.jsonl"), metrics);
  EXPECT_EQ(read_plainly(run / "config.yaml"), config);
  EXPECT_TRUE(fs::exists(run / "summary.json"));
}

TEST(Run, ForksFromTheWeightsOfAnother) {
  TemporaryDirectory directory;
  fs::path first = directory / "first", second = directory / "second";
  run_training(plane_yaml(), {.run = first});
  TrainOptions options{.run = second, .fork = first.string() + ":16", .max_seconds = 0};
  run_training(plane_yaml(), options, {"seed=9", "optimizer.kind=adamax"});
  Checkpoint parent = read_checkpoint(first / "checkpoints/step_00000016");
  Checkpoint child = read_checkpoint(second / "checkpoints/step_00000000");
  for (const auto& [name, tensor] : parent.weights) EXPECT_TRUE(at::equal(tensor, child.weights.at(name))) << name;
  for (const auto& [name, tensor] : child.optimizer) EXPECT_EQ(tensor.abs().sum().item<double>(), 0) << name;
}

TEST(Run, WritesNothingWhereTheWeightsOfAnotherDoNotFit) {
  TemporaryDirectory directory;
  fs::path first = directory / "first", second = directory / "second";
  run_training(plane_yaml(), {.run = first});
  TrainOptions options{.run = second, .fork = first.string()};
  Complaint complaint = complaint_of([&] { run_training(plane_yaml(), options, {"flow[2].net.hidden=16"}); });
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  EXPECT_NE(complaint.message.find("flow.2_coupling.net.bias0: has shape [8], expected [16]"), std::string::npos)
      << complaint.message;
  EXPECT_FALSE(fs::exists(second));
}

TEST(Run, FallsBackFromABrokenCheckpointAndEndsInTheSameBytes) {
  TemporaryDirectory directory;
  run_training(plane_yaml(), {.run = directory / "a"});
  run_training(plane_yaml(), {.run = directory / "b"});
  write_plainly(directory / "b/checkpoints/step_00000024/weights.safetensors", "broken");
  ConsoleText text;
  run_training(plane_yaml(), {.run = directory / "b", .resume = true}, {}, &text);
  EXPECT_NE(text.text().find("warning: falling back to "), std::string::npos);
  EXPECT_NE(text.text().find(" after step 16\n"), std::string::npos) << text.text();
  expect_same_end(directory / "a", directory / "b");
}

TEST(Run, NeverStartsOverWhereAllCheckpointsAreBroken) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  run_training(plane_yaml(), {.run = run});
  for (int64_t step : CheckpointStore(run / "checkpoints").steps()) {
    fs::remove(CheckpointStore(run / "checkpoints").at(step) / "MANIFEST.json");
  }
  EXPECT_EQ(complaint_of([&] { run_training(plane_yaml(), {.run = run, .resume = true}); }).exit, Exit::kCheckpoint);
}

// ---- steps that go wrong ----

// A flow that divides by zero once a rate without bounds has thrown its weights far away.
std::string diverging_yaml() {
  std::string yaml = plane_yaml();
  yaml.replace(yaml.find("learning_rate: 1e-2"), 19, "learning_rate: 1e9");
  yaml.replace(yaml.find("form: realnvp"), 13, "form: exp");
  return yaml;
}

TEST(Divergence, EndsTheRunBeforeTheStepIsTaken) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  Complaint complaint =
      complaint_of([&] { run_training(diverging_yaml(), {.run = run}, {"train.checkpoint_every=1"}); });
  EXPECT_EQ(complaint.exit, Exit::kDiverged);
  EXPECT_TRUE(complaint.message.starts_with("training diverged in step ")) << complaint.message;
  EXPECT_NE(complaint.message.find("; the first layer gone bad is flow."), std::string::npos) << complaint.message;
  EXPECT_NE(complaint.message.find("Cures: a lower optimizer.learning_rate"), std::string::npos);
  fs::path newest = locate_checkpoint(run.string(), kNoWarning);
  EXPECT_TRUE(complaint.message.ends_with("Checkpoints are intact; the newest is " + newest.string()))
      << complaint.message;
  for (const auto& [name, tensor] : read_checkpoint(newest).weights) {
    EXPECT_TRUE(!tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>()) << name;
  }
  EXPECT_EQ(load_json(run / "summary.json")["exit"], "diverged");
}

// ---- format 1 for ever ----

TEST(FormatOne, LoadsAndEvaluatesAsWhenItWasWritten) {
  std::string run = DIFFEO_SOURCE "/tests/runs/format1";
  LoadedFlow loaded = load_flow(run, at::kDouble, Weights::kAverage, kNoWarning);
  EXPECT_EQ(loaded.state.step, 24);
  EXPECT_TRUE(loaded.averaged);
  Data data = load_data(loaded.config.data, static_cast<uint64_t>(loaded.config.seed));
  double nats = load_json(run + "/summary.json")["test"]["nats"];
  EXPECT_NEAR(evaluate(*loaded.flow, data.split("test"), {.seed = 3}).nats, nats, 1e-5);
}

TEST(FormatOne, GoesOn) {
  TemporaryDirectory directory;
  fs::copy(DIFFEO_SOURCE "/tests/runs/format1", directory / "run", fs::copy_options::recursive);
  std::string yaml = read_plainly(directory / "run/config.yaml");
  TrainResult result = run_training(yaml, {.run = directory / "run", .resume = true}, {"train.steps=25"});
  EXPECT_EQ(result.summary["step"], 25);
}

}  // namespace
}  // namespace diffeo
