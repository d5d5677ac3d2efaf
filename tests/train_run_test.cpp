// Whole trainings: what they leave behind, what they refuse, and how they end when something goes
// wrong.

#include <ATen/Version.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "data/data.h"
#include "inference/load_flow.h"
#include "inference/sampling.h"
#include "io/json.h"
#include "runs/run_directory.h"
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
  TrainResult result =
      run_training(plane_yaml(), options, {"train.sample_temperatures=[1]"}, &text);
  EXPECT_EQ(result.exit, Exit::kDone);
  EXPECT_EQ(read_plainly(run / "command.txt"), "diffeo train 'my config.yaml'\n");
  EXPECT_EQ(to_yaml(read_config(run / "config.yaml")), read_plainly(run / "config.yaml"));
  for (const char* file :
       {"environment.json", "train.log", "metrics.jsonl", "checkpoints/step_00000024/MANIFEST.json",
        "samples/step_00000024.png", "samples/step_00000024_warp.png"}) {
    EXPECT_TRUE(fs::exists(run / file)) << file;
  }
  json summary = load_json(run / "summary.json");
  EXPECT_EQ(summary["exit"], "done");
  EXPECT_EQ(summary["reason"], result.reason);
  EXPECT_EQ(summary["step"], result.step);
  EXPECT_EQ(summary["run"], result.run.string());
  EXPECT_EQ(summary["samples"][1], result.samples[1].string());
  EXPECT_EQ(summary["test"]["nats"], result.test->result.nats);
  EXPECT_EQ(summary["test"]["split"], result.test->split);
  EXPECT_EQ(summary["best"]["nats"], result.best->nats);
  EXPECT_EQ(summary["test"]["examples"], 100);
  EXPECT_GT(summary["test"]["standard_error"], 0);
  EXPECT_LT(summary["best"]["nats"], 2.1);
  EXPECT_EQ(summary["checkpoints"]["latest"], (run / "checkpoints/step_00000024").string());
  EXPECT_NE(text.text().find("step 24: test 1.8"), std::string::npos) << text.text();
  EXPECT_NE(text.text().find(" nats over 100 examples, the best so far\n"), std::string::npos)
      << text.text();
}

TEST(Run, OfImagesIsMeasuredInBitsPerDimension) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  TrainResult result =
      run_training(image_yaml(directory), {.run = run}, {"train.sample_temperatures=[0.7, 1]"});
  EXPECT_NEAR(*result.test->result.bits_per_dim, result.test->result.nats / (16 * std::log(2.0)),
              1e-9);
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
  ScoreOptions options{.batch_size = 16, .seed = 3};
  double nats = result.test->result.nats;
  EXPECT_EQ(evaluate(*averaged.flow, data.split("test"), options).nats, nats);
  EXPECT_NE(evaluate(*raw.flow, data.split("test"), options).nats, nats);
}

// The moments of a batch norm are averaged with the weights, in the training and when loaded.
TEST(Run, OfABatchNormLoadsBackTheAverageItWasMeasuredWith) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  TrainResult result = run_training(image_yaml(directory), {.run = run});
  LoadedFlow loaded = load_flow(run.string(), at::kFloat, Weights::kAverage, kNoWarning);
  NamedTensors saved = read_checkpoint(loaded.path).weights;
  const std::string mean = "flow.2_masked_coupling.moments.mean";
  EXPECT_FALSE(at::equal(saved.at("ema." + mean), saved.at(mean)));
  EXPECT_TRUE(at::equal(loaded.flow->named_buffers()[mean], saved.at("ema." + mean)));
  Data data = load_data(loaded.config.data, static_cast<uint64_t>(loaded.config.seed));
  ScoreOptions options{.batch_size = 4, .seed = 5};
  EXPECT_EQ(evaluate(*loaded.flow, data.split("test"), options).nats, result.test->result.nats);
}

TEST(Run, LeavesAnExistingFolderAlone) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  fs::create_directory(run);
  write_plainly(run / "mine", "x");
  Complaint complaint = complaint_of([&] { run_training(plane_yaml(), {.run = run}); });
  EXPECT_EQ(complaint.message,
            run.string() +
                ": exists and is not empty; --resume continues the run in it, --run DIR "
                "names another folder for a new one");
  EXPECT_EQ(complaint.exit, Exit::kUsage);
  EXPECT_EQ(std::distance(fs::directory_iterator(run), {}), 1);
}

TEST(Run, RemovesWhatADeadProcessLeftUnfinished) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  std::vector<fs::path> leftovers{run / ".tmp-1-0-summary.json",
                                  run / "samples/.tmp-1-0-step_00000001.png",
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
  Complaint complaint =
      complaint_of([&] { run_training(plane_yaml(), {.run = run, .resume = true}); });
  EXPECT_TRUE(complaint.message.starts_with(run.string() + ": another process is writing here ("))
      << complaint.message;
  EXPECT_EQ(complaint.exit, Exit::kUsage);
}

TEST(Run, WritesNothingWhereTheDataAreRefused) {
  TemporaryDirectory directory;
  std::string yaml = image_yaml(directory);
  fs::remove(directory / "images.npy");
  EXPECT_EQ(complaint_of([&] { run_training(yaml, {.run = directory / "run"}); }).exit,
            Exit::kData);
  EXPECT_FALSE(fs::exists(directory / "run"));
}

TEST(Run, HasANumberedFolderByDefault) {
  TemporaryDirectory directory;
  fs::path before = fs::current_path();
  fs::current_path(directory.path());
  EXPECT_EQ(default_run("cifar10/glow", false), "runs/cifar10/glow/001");
  EXPECT_EQ(default_run("cifar10/glow", true), "runs/cifar10/glow/001");
  for (const char* name : {"001", "003", "1000", "9", "0012", "004x", "99999999999999999999"}) {
    fs::create_directories(fs::path("runs/cifar10/glow") / name);
  }
  EXPECT_EQ(default_run("cifar10/glow", false), "runs/cifar10/glow/1001");
  EXPECT_EQ(default_run("cifar10/glow", true), "runs/cifar10/glow/1000");
  fs::current_path(before);
}

TEST(Run, DrawsThePlaneOfAFlowOfClasses) {
  TemporaryDirectory directory;
  save_npy(directory / "x.npy", at::arange(80).view({40, 2}).div(40).square().to(at::kFloat));
  save_npy(directory / "y.npy", at::arange(40).remainder(3).to(at::kByte));
  std::string yaml = joined(
      "data: {source: npy, path: ", (directory / "x.npy").string(),
      ", labels: ", (directory / "y.npy").string(),
      ", classes: 3, shape: [2], test_fraction: 0.25}\n",
      "train: {steps: 1, batch_size: 8}\nflow: [{type: actnorm}, {type: prior, classes: true}]\n");
  ConsoleText text;
  TrainResult result = run_training(yaml, {.run = directory / "run"}, {}, &text);
  EXPECT_EQ(result.samples.size(), 2) << text.text();
  EXPECT_EQ(text.text().find("warning"), std::string::npos) << text.text();
}

TEST(Run, WritesIntoItsLogHowItBeganAndWentOn) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  run_training(plane_yaml(), {.run = run});
  run_training(plane_yaml(), {.run = run, .resume = true},
               {"train.steps=25", "optimizer.clip_norm=6"});
  std::string log = read_plainly(run / "train.log");
  EXPECT_NE(log.find("info: starting a run in " + run.string()), std::string::npos) << log;
  EXPECT_NE(log.find("warning: changed since the run began: optimizer.clip_norm: was 5, is 6\n"),
            std::string::npos);
  EXPECT_NE(log.find("info: resuming " + run.string() + " after step 24\n"), std::string::npos)
      << log;
}

// ---- numbers that are not finite, and disks that refuse ----

// Two numbers an example; the last of the held-out examples is so far away that its density is 0.
std::string outlier_yaml(const TemporaryDirectory& directory) {
  Tensor held_out = at::ones({10, 2});
  held_out[9][0] = 1e30;
  save_npy(directory / "x.npy", at::arange(80).remainder(7).view({40, 2}).to(at::kFloat));
  save_npy(directory / "test.npy", held_out);
  return joined("data: {source: npy, path: ", (directory / "x.npy").string(),
                ", test: ", (directory / "test.npy").string(), ", shape: [2]}\n",
                "train: {steps: 4, batch_size: 8, evaluate_every: 2, checkpoint_every: 2, "
                "sample_temperatures: []}\n",
                "flow: [{type: actnorm}]\n");
}

TEST(Run, GoesOnWhereAHeldOutExampleHasNoDensity) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  ConsoleText text;
  TrainResult result = run_training(outlier_yaml(directory), {.run = run}, {}, &text);
  EXPECT_EQ(result.exit, Exit::kDone);
  EXPECT_NE(text.text().find("warning: step 2: test has no number, and the run goes on: "
                             "evaluation: log p is not finite "
                             "for 1 of 10 examples, the first of them example 9 (-inf)\n"),
            std::string::npos)
      << text.text();
  int unscored = 0;
  for (const json& line : timeless_metrics(run)) {
    if (line["kind"] == "train") continue;
    EXPECT_TRUE(line["nats"].is_null()) << line;
    EXPECT_TRUE(line["reason"].get<std::string>().starts_with(
        "evaluation: log p is not finite for 1 of 10"))
        << line;
    ++unscored;
  }
  EXPECT_EQ(unscored, 3);
  EXPECT_FALSE(result.best.has_value());
  EXPECT_FALSE(result.test->fault.empty());
  EXPECT_EQ(CheckpointStore(run / "checkpoints").pointed("best"), std::nullopt);
}

TEST(Run, SavesBeforeItEvaluatesAndAgainWhatIsBest) {
  TemporaryDirectory directory;
  run_training(outlier_yaml(directory), {.run = directory / "a"});
  EXPECT_EQ(read_checkpoint(directory / "a/checkpoints/step_00000002").state.evaluated, 0);
  EXPECT_EQ(read_checkpoint(directory / "a/checkpoints/step_00000004").state.evaluated, 4);
  run_training(plane_yaml(), {.run = directory / "b"}, {"train.checkpoint_every=12"});
  TrainingState state = read_checkpoint(directory / "b/checkpoints/step_00000012").state;
  EXPECT_EQ(state.evaluated, 12);
  EXPECT_EQ(state.best->step, 12);
}

TEST(Run, WritesTheWeightsOfAStepOnce) {
  TemporaryDirectory directory;
  Prepared prepared(plane_yaml(), {.run = directory / "run"});
  Checkpoint checkpoint{prepared.state, to_yaml(prepared.config), prepared.learner.weights(), {}};
  fs::path saved = directory / "run/checkpoints/step_00000000";
  auto weights = [&] {
    struct stat status = {};
    ::stat((saved / "weights.safetensors").c_str(), &status);
    return status.st_ino;
  };
  EXPECT_TRUE(prepared.journal.save(checkpoint));
  auto first = weights();
  checkpoint.state.best = Best{1.5, 0};
  EXPECT_TRUE(prepared.journal.save(checkpoint));
  EXPECT_EQ(weights(), first);
  EXPECT_EQ(read_checkpoint(saved).state.best->nats, 1.5) << "and all of it is whole";
  EXPECT_EQ(CheckpointStore(directory / "run/checkpoints").pointed("best"), 0);
  fs::remove(saved / "weights.safetensors");
  EXPECT_TRUE(prepared.journal.save(checkpoint));
  EXPECT_EQ(read_checkpoint(saved).weights.size(), checkpoint.weights.size())
      << "where there is nothing to link, all is written";
}

TEST(Training, WithoutAJournalTakesTheSameStepsAndLeavesNothing) {
  TemporaryDirectory directory;
  run_training(plane_yaml(), {.run = directory / "run"});
  Config config = parse_config(plane_yaml());
  TrainOptions options{.run = directory / "other"};
  Start start = start_of(config, options);
  Data data = fitting_data(config);
  Learner learner(config, build_flow(config, at::kFloat));
  TrainingState state = begin(start, config, options, data, learner);
  Training(config, options, data, learner, state, nullptr).run();
  for (const auto& [name, tensor] :
       read_checkpoint(directory / "run/checkpoints/step_00000024").weights) {
    EXPECT_TRUE(at::equal(tensor, learner.weights().at(name))) << name;
  }
  EXPECT_FALSE(fs::exists(options.run));
}

TEST(Training, CanBeStoppedWithinItsDataDependentStart) {
  Config config = parse_config(plane_yaml());
  StopRequest stop;
  TrainOptions options{.run = "none", .stop = &stop};
  Start start = start_of(config, options);
  Data data = fitting_data(config);
  Learner learner(config, build_flow(config, at::kFloat));
  stop.limit(0);
  EXPECT_EQ(complaint_of([&] { begin(start, config, options, data, learner); }).exit,
            Exit::kStopped);
}

// A file system of memory at `path`, where this process may mount one.
class Mounted {
 public:
  Mounted(const fs::path& path, const char* options) : path_(path) {
    fs::create_directories(path);
    is_there_ = ::geteuid() == 0 && ::mount("tmpfs", path.c_str(), "tmpfs", 0, options) == 0;
  }
  ~Mounted() {
    if (is_there_) ::umount(path_.c_str());
  }
  bool is_there() const { return is_there_; }

 private:
  fs::path path_;
  bool is_there_;
};

TEST(Run, NamesTheBestThatHasACheckpoint) {
  TemporaryDirectory directory;
  fs::path run = directory / "run", checkpoints = run / "checkpoints";
  run_training(plane_yaml(), {.run = run}, {"train.steps=8"});
  ConsoleText text;
  {
    Mounted in_the_way(checkpoints / "step_00000012", "size=4k");
    if (!in_the_way.is_there()) GTEST_SKIP() << "needs the right to mount";
    run_training(plane_yaml(), {.run = run, .resume = true}, {}, &text);
  }
  EXPECT_NE(text.text().find(
                ", the best so far\nwarning: the checkpoint of step 12 could not be saved: "),
            std::string::npos)
      << text.text();
  EXPECT_EQ(read_checkpoint(checkpoints / "step_00000016").state.best->step, 8);
  EXPECT_EQ(CheckpointStore(checkpoints).pointed("best"), 24);
}

TEST(Run, LeavesASummaryWhereItsLastCheckpointCannotBeSaved) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  Mounted full(run / "checkpoints", "size=4k");
  if (!full.is_there()) GTEST_SKIP() << "needs the right to mount";
  StopRequest stop;
  stop.listen();
  std::thread sender([&] {
    for (int i = 0;
         i < 6000 && read_plainly(run / "train.log").find(" steps of ") == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ::kill(::getpid(), SIGTERM);
  });
  TrainOptions options{.run = run, .resume = true, .stop = &stop};
  Overrides endless{"train.steps=100000000", "train.checkpoint_every=0", "train.evaluate_every=0"};
  EXPECT_EQ(message_of([&] { run_training(plane_yaml(), options, endless); }),
            "stopped by SIGTERM, but the checkpoint could not be saved");
  sender.join();
  json summary = load_json(run / "summary.json");
  EXPECT_EQ(summary["exit"], "failed");
  EXPECT_EQ(summary["reason"], "stopped by SIGTERM, but the checkpoint could not be saved");
}

// ---- going on, and starting from another ----

TEST(Run, ResumedWithAnotherModelIsRefusedAndUntouched) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  run_training(plane_yaml(), {.run = run});
  std::string metrics = read_plainly(run / "metrics.jsonl"),
              config = read_plainly(run / "config.yaml");
  Complaint complaint =
      complaint_of([&] { run_training(plane_yaml(), {.run = run, .resume = true}, {"seed=9"}); });
  EXPECT_EQ(complaint.exit, Exit::kUsage);
  EXPECT_EQ(read_plainly(run / "metrics.jsonl"), metrics);
  EXPECT_EQ(read_plainly(run / "config.yaml"), config);
  EXPECT_TRUE(fs::exists(run / "summary.json"));
}

TEST(Run, IsRefusedBeforeItsDataAreRead) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  std::string yaml = image_yaml(directory);
  run_training(yaml, {.run = run}, {"train.steps=1"});
  fs::remove(directory / "images.npy");
  EXPECT_EQ(
      complaint_of([&] { run_training(yaml, {.run = run, .resume = true}, {"seed=9"}); }).exit,
      Exit::kUsage);
  TrainOptions fork{.run = directory / "other", .fork = "none"};
  EXPECT_EQ(complaint_of([&] { run_training(yaml, fork); }).exit, Exit::kCheckpoint);
  EXPECT_EQ(complaint_of([&] { run_training(yaml, {.run = run, .resume = true}); }).exit,
            Exit::kData);
}

TEST(Run, GoesOnWithDataThatWereMoved) {
  TemporaryDirectory directory;
  fs::path run = directory / "run", moved = directory / "moved.npy";
  std::string yaml = image_yaml(directory);
  run_training(yaml, {.run = run}, {"train.steps=1"});
  fs::rename(directory / "images.npy", moved);
  ConsoleText text;
  run_training(yaml, {.run = run, .resume = true}, {"train.steps=2", "data.path=" + moved.string()},
               &text);
  EXPECT_NE(
      text.text().find(joined("warning: changed since the run began: data.path: was ",
                              (directory / "images.npy").string(), ", is ", moved.string(), "\n")),
      std::string::npos)
      << text.text();
}

TEST(Run, SaysWhereItGoesOnOnOtherHardware) {
  TemporaryDirectory directory;
  fs::path run = directory / "run", newest = run / "checkpoints/step_00000001";
  run_training(plane_yaml(), {.run = run}, {"train.steps=1"});
  Checkpoint checkpoint = read_checkpoint(newest);
  EXPECT_EQ(checkpoint.state.device, joined("cpu (", at::get_cpu_capability(), ")"));
  checkpoint.state.device = "cuda (NVIDIA H100 80GB HBM3)";
  write_checkpoint(newest, checkpoint);
  ConsoleText text;
  run_training(plane_yaml(), {.run = run, .resume = true}, {"train.steps=2"}, &text);
  EXPECT_NE(
      text.text().find(joined(
          "warning: the run goes on with another device (cuda (NVIDIA H100 80GB HBM3) before, "
          "cpu (",
          at::get_cpu_capability(), ") now), so its numbers will be rounded")),
      std::string::npos)
      << text.text();
}

TEST(Run, ForksFromTheWeightsOfAnother) {
  TemporaryDirectory directory;
  fs::path first = directory / "first", second = directory / "second";
  run_training(plane_yaml(), {.run = first});
  std::string yaml = plane_yaml();
  yaml.replace(yaml.find("seed: 3"), 7, "seed: 9")
      .replace(yaml.find("kind: adam"), 10, "kind: adamax");
  Prepared child(yaml, {.run = second, .fork = first.string() + ":16"});
  Checkpoint parent = read_checkpoint(first / "checkpoints/step_00000016");
  EXPECT_EQ(child.state.step, 0);
  for (const auto& [name, tensor] : parent.weights)
    EXPECT_TRUE(at::equal(tensor, child.learner.weights().at(name))) << name;
  for (const auto& [name, tensor] : child.learner.optimizer_state())
    EXPECT_EQ(tensor.abs().sum().item<double>(), 0) << name;
}

TEST(Run, WritesNothingWhereTheWeightsOfAnotherDoNotFit) {
  TemporaryDirectory directory;
  fs::path first = directory / "first", second = directory / "second";
  run_training(plane_yaml(), {.run = first});
  TrainOptions options{.run = second, .fork = first.string()};
  Complaint complaint =
      complaint_of([&] { run_training(plane_yaml(), options, {"flow[2].net.hidden=16"}); });
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  EXPECT_NE(complaint.message.find("flow.2_coupling.net.bias0: has shape [8], expected [16]"),
            std::string::npos)
      << complaint.message;
  EXPECT_FALSE(fs::exists(second));
}

TEST(Run, StartsFromTheWeightsOfAnotherProgram) {
  TemporaryDirectory directory;
  run_training(plane_yaml(), {.run = directory / "first"});
  NamedTensors theirs, ours;
  std::string map = "weights:\n";
  for (const auto& [name, tensor] :
       read_checkpoint(directory / "first/checkpoints/step_00000016").weights) {
    if (name.starts_with("ema.")) continue;
    ours[name] = tensor;
    if (tensor.is_floating_point()) theirs["their." + name] = tensor.to(at::kDouble);
    map += joined("- {to: ", name,
                  tensor.is_floating_point() ? ", from: [their." + name + "]}\n" : ", value: 1}\n");
  }
  save_safetensors(directory / "theirs.safetensors", theirs);
  save_safetensors(directory / "ours.safetensors", ours);
  write_plainly(directory / "map.yaml", map);
  ForeignWeights foreign{directory / "theirs.safetensors", (directory / "map.yaml").string()};
  for (const ForeignWeights& init : {foreign, {directory / "ours.safetensors"}}) {
    Prepared child(plane_yaml(), {.run = directory / init.file.stem(), .init = init});
    EXPECT_EQ(child.state.step, 0);
    NamedTensors started = child.learner.weights();
    for (const auto& [name, tensor] : ours) {
      EXPECT_TRUE(at::equal(tensor, started.at(name))) << name;
      auto average = started.find("ema." + name);
      if (average != started.end()) {
        EXPECT_TRUE(at::equal(tensor, average->second)) << name;
      }
    }
  }
  theirs.erase(theirs.begin());
  save_safetensors(foreign.file, theirs);
  Complaint complaint = complaint_of(
      [&] { run_training(plane_yaml(), {.run = directory / "second", .init = foreign}); });
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  EXPECT_NE(complaint.message.find(": 1 in the model, but 0 in the file (their.flow."),
            std::string::npos)
      << complaint.message;
  EXPECT_FALSE(fs::exists(directory / "second"));
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
  EXPECT_EQ(complaint_of([&] { run_training(plane_yaml(), {.run = run, .resume = true}); }).exit,
            Exit::kCheckpoint);
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
  Complaint complaint = complaint_of(
      [&] { run_training(diverging_yaml(), {.run = run}, {"train.checkpoint_every=1"}); });
  EXPECT_EQ(complaint.exit, Exit::kDiverged);
  EXPECT_TRUE(complaint.message.starts_with("training diverged in step ")) << complaint.message;
  EXPECT_NE(complaint.message.find("; the first layer gone bad is flow."), std::string::npos)
      << complaint.message;
  EXPECT_NE(complaint.message.find("Cures: a lower optimizer.learning_rate"), std::string::npos);
  fs::path newest = locate_checkpoint(run.string(), kNoWarning);
  EXPECT_TRUE(
      complaint.message.ends_with("Checkpoints are intact; the newest is " + newest.string()))
      << complaint.message;
  for (const auto& [name, tensor] : read_checkpoint(newest).weights) {
    EXPECT_TRUE(!tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>()) << name;
  }
  EXPECT_EQ(load_json(run / "summary.json")["exit"], "diverged");
}

// One value of 1e25 among the examples, whose gradient is finite and its square is not.
std::string huge_yaml(const TemporaryDirectory& directory) {
  Tensor x = at::arange(128).remainder(7).view({64, 2}).to(at::kFloat);
  x[21][0] = 1e25;
  save_npy(directory / "x.npy", x);
  std::string yaml = plane_yaml();
  yaml.replace(yaml.find("{source: synthetic"), yaml.find("}\n") - yaml.find("{source: synthetic"),
               joined("{source: npy, path: ", (directory / "x.npy").string(),
                      ", shape: [2], test_fraction: 0.25"));
  return yaml;
}

TEST(Divergence, LeavesNoCheckpointThatCannotBeLoaded) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  Overrides overrides{"optimizer.clip_norm=0", "train.checkpoint_every=1", "train.batch_size=4",
                      "train.initialise_examples=4"};
  Exit exit =
      complaint_of([&] { run_training(huge_yaml(directory), {.run = run}, overrides); }).exit;
  EXPECT_EQ(exit, Exit::kDiverged);
  EXPECT_FALSE(CheckpointStore(run / "checkpoints").steps().empty());
  for (int64_t step : CheckpointStore(run / "checkpoints").steps()) {
    EXPECT_EQ(message_of([&] { read_checkpoint(CheckpointStore(run / "checkpoints").at(step)); }),
              "no error");
  }
}

TEST(Divergence, OfAStartThatIsNotFiniteIsNotSaved) {
  TemporaryDirectory directory;
  fs::path run = directory / "run";
  save_npy(directory / "x.npy", at::full({64, 2}, 3e38f));
  std::string yaml = joined("data: {source: npy, path: ", (directory / "x.npy").string(),
                            ", shape: [2], test_fraction: 0.25}\n",
                            "train: {steps: 4, batch_size: 8}\nflow: [{type: batch_norm}]\n");
  Complaint complaint = complaint_of([&] { run_training(yaml, {.run = run}); });
  EXPECT_EQ(complaint.exit, Exit::kDiverged);
  EXPECT_TRUE(complaint.message.starts_with(
      "training diverged in step 1: it would leave numbers that are not finite; the first layer "
      "gone bad is flow.0_batch_norm (16 of 16 "))
      << complaint.message;
  EXPECT_TRUE(complaint.message.ends_with("There is no checkpoint yet")) << complaint.message;
  EXPECT_TRUE(CheckpointStore(run / "checkpoints").steps().empty());
}

// ---- format 1 for ever ----

// Draws as they were when format 1 was written: by LibTorch's generator, seeded anew for each path.
class FormatOneNoise final : public Noise {
 public:
  explicit FormatOneNoise(uint64_t seed) : seed_(seed) {}
  Tensor normal(const std::string& path, const Tensor& like) override {
    return at::empty(like.sizes(), like.options()).normal_(0, 1, at_path(path));
  }
  Tensor uniform(const std::string& path, const Tensor& like) override {
    return at::empty(like.sizes(), like.options()).uniform_(0, 1, at_path(path));
  }

 private:
  at::Generator& at_path(const std::string& path) {
    generator_.set_current_seed(seed_of(seed_, path));
    return generator_;
  }

  uint64_t seed_;
  at::Generator generator_ = at::globalContext().defaultGenerator(at::kCPU).clone();
};

TEST(FormatOne, LoadsAndEvaluatesAsWhenItWasWritten) {
  std::string run = DIFFEO_SOURCE "/tests/runs/format1";
  LoadedFlow loaded = load_flow(run, at::kDouble, Weights::kAverage, kNoWarning);
  EXPECT_EQ(loaded.state.step, 24);
  EXPECT_TRUE(loaded.averaged);
  Data data = load_data(loaded.config.data, static_cast<uint64_t>(loaded.config.seed));
  FormatOneNoise noise(seed_of(3, "data.test"));
  Dataset as_then{data.density->sample(100, noise, at::kFloat), {}};
  double nats = load_json(run + "/summary.json")["test"]["nats"];
  EXPECT_NEAR(evaluate(*loaded.flow, as_then, {.seed = 3}).nats, nats, 1e-5);
}

// A run with two factor_out, whose names in format 1 were nested, on data that lie beside it.
const std::string kLevels = DIFFEO_SOURCE "/tests/runs/format1_levels";

TEST(FormatOne, LoadsTheLevelsThatStoodInsideEachOther) {
  LoadedFlow loaded = load_flow(kLevels, at::kDouble, Weights::kAverage, kNoWarning);
  auto& places = std::get<NpyConfig>(loaded.config.data);
  places.path = kLevels + "/examples.npy";
  places.labels = kLevels + "/labels.npy";
  EXPECT_EQ(loaded.flow->latents().size(), 3);
  Data data = load_data(loaded.config.data, static_cast<uint64_t>(loaded.config.seed));
  double nats = load_json(kLevels + "/summary.json")["test"]["nats"];
  EXPECT_NEAR(evaluate(*loaded.flow, data.split("test"), {}).nats, nats, 1e-5);
}

TEST(FormatOne, GoesOnWithTheMomentsOfEachLevel) {
  TemporaryDirectory directory;
  fs::copy(kLevels, directory / "run", fs::copy_options::recursive);
  TrainResult result = run_training(read_plainly(directory / "run/config.yaml"),
                                    {.run = directory / "run", .resume = true},
                                    {"train.steps=13", "data.path=" + kLevels + "/examples.npy",
                                     "data.labels=" + kLevels + "/labels.npy"});
  EXPECT_EQ(result.step, 13);
  Checkpoint now = read_checkpoint(directory / "run/checkpoints/step_00000013");
  EXPECT_EQ(now.format, 2);
  EXPECT_TRUE(now.optimizer.contains("m.flow.6_actnorm.norm.b"));
  EXPECT_TRUE(now.weights.contains("ema.flow.5_factor_out.prior.conv.weight"));
}

TEST(FormatOne, ScoresAndSamplesByTheRuleOfToday) {
  LoadedFlow loaded =
      load_flow(DIFFEO_SOURCE "/tests/runs/format1", at::kDouble, Weights::kAverage, kNoWarning);
  Data data = load_data(loaded.config.data, static_cast<uint64_t>(loaded.config.seed));
  Evaluation result = evaluate(*loaded.flow, data.split("test"), {.seed = 3});
  double nats_then = load_json(DIFFEO_SOURCE "/tests/runs/format1/summary.json")["test"]["nats"];
  EXPECT_NEAR(result.nats, nats_then, 4 * std::sqrt(2) * *result.standard_error);
  EXPECT_NE(result.nats, nats_then);
  EXPECT_TRUE(sample(*loaded.flow, {.count = 5}).isfinite().all().item<bool>());
}

TEST(FormatOne, GoesOnAndSaysOnceWhatIsDrawnOtherwise) {
  TemporaryDirectory directory;
  fs::copy(DIFFEO_SOURCE "/tests/runs/format1", directory / "run", fs::copy_options::recursive);
  std::string yaml = read_plainly(directory / "run/config.yaml");
  ConsoleText text, again;
  TrainResult result =
      run_training(yaml, {.run = directory / "run", .resume = true}, {"train.steps=25"}, &text);
  EXPECT_EQ(result.step, 25);
  const std::string warning =
      "this run was saved in format 1, whose noise and batch order followed from the seed by "
      "another rule; from here on both go by the rule of format 2, and so will its next "
      "checkpoints";
  size_t place = text.text().find(warning);
  ASSERT_NE(place, std::string::npos) << text.text();
  EXPECT_EQ(text.text().find("format 1", place + warning.size()), std::string::npos) << text.text();
  fs::path saved = locate_checkpoint((directory / "run").string(), kNoWarning);
  EXPECT_EQ(load_json(saved / "state.json")["format"], 2);
  run_training(yaml, {.run = directory / "run", .resume = true}, {"train.steps=26"}, &again);
  EXPECT_EQ(again.text().find("format"), std::string::npos) << again.text();
}

}  // namespace
}  // namespace diffeo
