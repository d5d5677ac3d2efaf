// Checkpoints: what is written comes back, what is broken is refused whole, and a folder of them
// survives accidents.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "io/json.h"
#include "learn/named_weights.h"
#include "runs/format1.h"
#include "runs/manifest.h"
#include "runs/saver.h"
#include "train_support.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::vector<std::string> kFiles{"weights.safetensors", "optimizer.safetensors", "state.json",
                                      "config.yaml", "MANIFEST.json"};

Checkpoint sample_checkpoint(int64_t step = 7) {
  Checkpoint checkpoint;
  checkpoint.state.step = step;
  checkpoint.state.examples = 64 * step;
  checkpoint.state.evaluated = 5;
  checkpoint.state.sampled = 6;
  checkpoint.state.lines = 9;
  checkpoint.state.best = Best{0.1 + 0.2, 5};
  checkpoint.state.interval = {{"steps", 2}, {"nats", 1.0 / 3}};
  checkpoint.state.seed = 3;
  checkpoint.state.threads = 2;
  checkpoint.state.device = "cpu";
  checkpoint.state.libtorch = "2.13.0";
  checkpoint.state.seconds = 1.5;
  checkpoint.config = "seed: 3\n";
  checkpoint.weights = {{"flow.w", at::arange(6).view({2, 3}).to(at::kFloat)},
                        {"flow.ready", at::ones({}, at::kBool)}};
  checkpoint.optimizer = {{"m.flow.w", at::full({2, 3}, 0.5)}};
  return checkpoint;
}

void expect_same(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
}

fs::path written(const TemporaryDirectory& directory) {
  fs::path path = directory / "step_00000007";
  write_checkpoint(path, sample_checkpoint());
  return path;
}

Complaint fault(const fs::path& path) {
  return complaint_of([&] { read_checkpoint(path); });
}

TEST(Checkpoint, ComesBackAsItWasWritten) {
  TemporaryDirectory directory;
  Checkpoint there = sample_checkpoint(), back = read_checkpoint(written(directory));
  EXPECT_EQ(to_json(back.state), to_json(there.state));
  EXPECT_EQ(back.state.best->nats, 0.1 + 0.2);
  EXPECT_EQ(back.config, there.config);
  expect_same(there.weights, back.weights);
  expect_same(there.optimizer, back.optimizer);
  TrainingState fresh = training_state(to_json(TrainingState{}), "fresh");
  EXPECT_EQ(fresh.best.has_value() || fresh.step != 0, false);
}

TEST(FormatOne, NamesAreThoseOfOneFlatList) {
  EXPECT_EQ(name_of_format1("flow.3_factor_out.rest.0_squeeze.x"), "flow.4_squeeze.x");
  EXPECT_EQ(name_of_format1("m.flow.11_factor_out.rest.9_factor_out.rest.2_coupling.net.weight0"),
            "m.flow.24_coupling.net.weight0");
  EXPECT_EQ(name_of_format1("ema.flow.3_factor_out.rest.1_factor_out.prior.conv.weight"),
            "ema.flow.5_factor_out.prior.conv.weight");
  EXPECT_EQ(name_of_format1("flow.3_factor_out.prior.logs"), "flow.3_factor_out.prior.logs");
  EXPECT_EQ(name_of_format1("flow.0_dequantize.noise.1_coupling.net.rest"),
            "flow.0_dequantize.noise.1_coupling.net.rest");
}

TEST(FormatOne, FlagsThatItDidNotSaveCountAsSet) {
  Tensor flag = at::zeros({}, at::kBool), w = at::ones({2});
  NamedTensors model{{"a.initialised", flag}, {"b.initialised", flag}, {"b.w", w}},
      weights{{"a.initialised", flag}};
  add_flags_of_format1(weights, model);
  EXPECT_EQ(weights.size(), 2);
  EXPECT_FALSE(weights.at("a.initialised").item<bool>());
  EXPECT_TRUE(weights.at("b.initialised").item<bool>());
}

TEST(Checkpoint, ReplacesTheOneThatStandsThereAndLeavesNothingElse) {
  TemporaryDirectory directory;
  fs::path path = written(directory);
  write_plainly(path / "weights.safetensors", "broken");
  write_checkpoint(path, sample_checkpoint());
  EXPECT_EQ(fault(path).message, "no error");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 1);
}

TEST(Checkpoint, LeavesNothingBehindWhateverGoesWrong) {
  TemporaryDirectory directory;
  Checkpoint checkpoint = sample_checkpoint();
  checkpoint.optimizer["m.flow.w"] =
      at::ones({1}).expand({int64_t{1} << 50});  // more than fits into memory
  EXPECT_THROW(write_checkpoint(directory / "step_00000007", checkpoint), c10::Error);
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

// Whether a changed manifest may go unnoticed: it still vouches for the same bytes, though its
// blanks or the name of its writer are others.
bool vouches_alike(const std::string& whole, const std::string& broken) {
  json before = json::parse(whole), after = json::parse(broken, nullptr, false);
  return after.is_object() && after["files"] == before["files"] &&
         after["format"] == before["format"];
}

TEST(Checkpoint, RefusesEveryFileThatIsCutMissingOrChangedByABit) {
  TemporaryDirectory directory;
  fs::path path = written(directory);
  for (const std::string& name : kFiles) {
    std::string whole = read_plainly(path / name);
    std::vector<std::string> broken{"", whole.substr(0, 1), whole.substr(0, whole.size() / 2),
                                    whole.substr(0, whole.size() - 1), whole + " x"};
    for (size_t i = 0; i < whole.size(); i += 1 + whole.size() / 60) {
      broken.push_back(whole);
      broken.back()[i] ^= 1;
    }
    for (const std::string& bytes : broken) {
      if (name == kManifestName && vouches_alike(whole, bytes)) continue;
      write_plainly(path / name, bytes);
      Complaint complaint = fault(path);
      EXPECT_EQ(complaint.exit, Exit::kCheckpoint)
          << name << " of " << bytes.size() << " bytes: " << bytes;
    }
    fs::remove(path / name);
    EXPECT_EQ(fault(path).exit, Exit::kCheckpoint) << name;
    write_plainly(path / name, whole);
  }
  EXPECT_EQ(fault(path).message, "no error");
}

TEST(Checkpoint, SaysWhichFileIsWrongAndHow) {
  TemporaryDirectory directory;
  fs::path path = written(directory);
  std::string place = path.string();
  std::string weights = read_plainly(path / "weights.safetensors");
  write_plainly(path / "weights.safetensors", weights.substr(1));
  EXPECT_EQ(fault(path).message, joined(place, "/weights.safetensors: has ", weights.size() - 1,
                                        " bytes, but was written with ", weights.size()));
  std::string flipped = weights;
  flipped.back() ^= 1;
  write_plainly(path / "weights.safetensors", flipped);
  EXPECT_EQ(
      fault(path).message,
      place +
          "/weights.safetensors: its bytes are not those that were written (the checksum differs)");
  fs::remove(path / "weights.safetensors");
  EXPECT_EQ(fault(path).message, place + "/weights.safetensors: missing from this checkpoint");
  fs::remove(path / "MANIFEST.json");
  EXPECT_EQ(fault(path).message, place + ": not a whole checkpoint, MANIFEST.json is missing");
}

TEST(Checkpoint, RefusesSwappedFiles) {
  TemporaryDirectory directory;
  fs::path path = written(directory);
  fs::rename(path / "weights.safetensors", path / "a");
  fs::rename(path / "optimizer.safetensors", path / "weights.safetensors");
  fs::rename(path / "a", path / "optimizer.safetensors");
  EXPECT_EQ(fault(path).exit, Exit::kCheckpoint);
}

TEST(Checkpoint, RefusesANewerFormatByItsName) {
  TemporaryDirectory directory;
  fs::path path = written(directory);
  json manifest = load_json(path / "MANIFEST.json");
  manifest["format"] = 3;
  manifest["program"] = "9.8";
  manifest.erase("files");
  write_plainly(path / "MANIFEST.json", manifest.dump());
  EXPECT_EQ(fault(path).message,
            joined(path.string(),
                   ": a checkpoint of format 3 (written by diffeo \"9.8\"), but this diffeo ",
                   DIFFEO_VERSION,
                   " reads formats up to 2; take the diffeo that wrote it, or a newer one"));
}

TEST(Checkpoint, AssignsOnlyWhatFitsAndListsTheRest) {
  Tensor w = at::zeros({2, 3}), ready = at::zeros({}, at::kBool);
  NamedTensors targets{{"flow.w", w}, {"flow.ready", ready}};
  NamedTensors wrong{{"flow.w", at::ones({3, 2})}, {"flow.odd", at::ones({1})}};
  Complaint complaint = complaint_of([&] { assign_tensors(wrong, targets, "ckpt"); });
  EXPECT_EQ(complaint.message,
            "ckpt: does not fit this configuration's model:\n  flow.ready: missing\n"
            "  flow.w: has shape [3, 2], expected [2, 3]\n  flow.odd: has no place in the model");
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  NamedTensors whole_numbers{{"flow.w", w.to(at::kLong)}, {"flow.ready", ready}};
  EXPECT_EQ(
      message_of([&] { assign_tensors(whole_numbers, targets, "ckpt"); }),
      "ckpt: does not fit this configuration's model:\n  flow.w: is of type Long, expected Float");
  EXPECT_EQ(w.sum().item<double>(), 0);
  assign_tensors(sample_checkpoint().weights, targets, "ckpt");
  EXPECT_EQ(w.sum().item<double>(), 15);
  EXPECT_TRUE(ready.item<bool>());
}

TEST(Checkpoint, ListsNoMoreThanTenMisfits) {
  NamedTensors many;
  for (char c = 'a'; c <= 'z'; ++c) many[std::string(1, c)] = at::ones({1});
  std::string message = message_of([&] { assign_tensors(many, {}, "ckpt"); });
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 11);
  EXPECT_TRUE(message.ends_with("\n  and 16 more")) << message;
}

TEST(Checkpoint, AssignsNothingWhereANumberIsNotFinite) {
  NamedTensors source = sample_checkpoint().weights;
  source["flow.w"][1][2] = NAN;
  Tensor w = at::zeros({2, 3}), ready = at::zeros({}, at::kBool);
  Complaint complaint =
      complaint_of([&] { assign_tensors(source, {{"flow.w", w}, {"flow.ready", ready}}, "ckpt"); });
  EXPECT_EQ(complaint.message, "ckpt: flow.w: 1 of 6 numbers are not finite");
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  EXPECT_EQ(w.abs().sum().item<double>() + ready.item<bool>(), 0);
}

// ---- a folder of checkpoints ----

class CheckpointStores : public testing::Test {
 protected:
  void save(int64_t step, int64_t best = 0, int64_t keep = 2) {
    Checkpoint checkpoint = sample_checkpoint(step);
    checkpoint.state.best = Best{1, best};
    store_.save(checkpoint, keep);
  }
  void spoil(int64_t step) { write_plainly(store_.at(step) / "weights.safetensors", "broken"); }
  Warn warn() {
    return [this](const std::string& message) { warnings_ += message + "\n"; };
  }
  fs::path located_path(const std::string& argument) { return locate_checkpoint(argument, warn()); }
  std::string located(const std::string& argument) { return located_path(argument).filename(); }
  std::string run() const { return directory_.path().string(); }

  TemporaryDirectory directory_;
  bool made_ = fs::create_directory(directory_ / "checkpoints");
  CheckpointStore store_{directory_ / "checkpoints"};
  std::string warnings_;
};

TEST_F(CheckpointStores, KeepsTheNewestAndTheBest) {
  EXPECT_EQ(store_.latest(warn()), std::nullopt);
  save(1);
  save(2, 2);
  save(3, 2);
  save(10, 2);
  save(11, 2);
  EXPECT_EQ(store_.steps(), (std::vector<int64_t>{2, 10, 11}));
  EXPECT_EQ(store_.pointed("latest"), 11);
  EXPECT_EQ(store_.pointed("best"), 2);
  EXPECT_EQ(*store_.latest(warn()), store_.at(11));
  EXPECT_EQ(warnings_, "");
}

TEST_F(CheckpointStores, PointsAtTheBestThatTheStateNamesWhenever) {
  save(1, 1);
  save(2, 1);
  write_plainly(directory_ / "checkpoints/best", "step_00000002\n");
  save(3, 1, 3);
  EXPECT_EQ(store_.pointed("best"), 1);
  save(4, 9, 4);
  EXPECT_EQ(store_.pointed("best"), 1) << "there is no step 9";
}

TEST_F(CheckpointStores, DoesNotCountStepsBeyondTheOneItSaves) {
  save(100);
  save(3, 0, 1);
  save(4, 0, 1);
  EXPECT_EQ(store_.steps(), (std::vector<int64_t>{4, 100}));
}

TEST_F(CheckpointStores, FindsWhatAnArgumentMeans) {
  save(1, 1);
  save(2);
  save(123456789);
  EXPECT_EQ(located(run()), "step_123456789");
  EXPECT_EQ(located(run() + "/"), "step_123456789");
  EXPECT_EQ(located(run() + ":latest"), "step_123456789");
  EXPECT_EQ(located(run() + ":best"), "step_00000001");
  EXPECT_EQ(located(run() + ":2"), "step_00000002");
  EXPECT_EQ(located(run() + "/checkpoints/step_00000002"), "step_00000002");
  EXPECT_EQ(warnings_, "");
}

TEST_F(CheckpointStores, SaysWhatThereIsWhenAnArgumentMeansNothing) {
  auto complaint = [&](const std::string& argument) {
    return message_of([&] { located(argument); });
  };
  EXPECT_EQ(complaint(run()), run() + ": holds no checkpoint yet");
  EXPECT_EQ(complaint(run() + ":best"),
            run() + ":best: there is no such checkpoint; it holds no checkpoint yet");
  save(1);
  save(2);
  EXPECT_EQ(complaint(run() + ":7"),
            run() + ":7: there is no such checkpoint; it holds latest, best and the steps 1, 2");
  EXPECT_EQ(
      complaint(run() + ":beste"),
      run() + ":beste: there is no such checkpoint; it holds latest, best and the steps 1, 2");
  EXPECT_EQ(complaint("nowhere"), "nowhere: no such run or checkpoint");
  std::string long_name(300, 'x');
  EXPECT_EQ(complaint(long_name), long_name + "/checkpoints: cannot be read: the name is too long");
  EXPECT_EQ(complaint(run() + "/checkpoints"),
            run() +
                "/checkpoints: neither a run (it has no checkpoints/) nor a checkpoint (it has no "
                "MANIFEST.json)");
  for (const char* other : {"sweep/2/checkpoints", "sweep/1/checkpoints", "sweep/notes"})
    fs::create_directories(directory_ / other);
  std::string runs = (directory_ / "sweep").string();
  EXPECT_EQ(complaint(runs), runs + ": is a folder of runs, 1 and 2; name one of them");
}

TEST_F(CheckpointStores, FollowsAPointerThatIsNamedItself) {
  save(1, 1);
  save(2);
  EXPECT_EQ(located(run() + "/checkpoints/latest"), located(run()));
  EXPECT_EQ(located(run() + "/checkpoints/best"), located(run() + ":best"));
}

TEST_F(CheckpointStores, FallsBackFromABrokenLatestAndSaysSo) {
  save(1);
  save(2);
  spoil(2);
  EXPECT_EQ(located(run()), "step_00000001");
  EXPECT_EQ(warnings_,
            joined("falling back to ", store_.at(1).string(), ":\n  ", store_.at(2).string(),
                   "/weights.safetensors: has 6 bytes, but was written with ",
                   fs::file_size(store_.at(1) / "weights.safetensors"), "\n"));
}

TEST_F(CheckpointStores, FallsBackFromNumbersThatAreNotFiniteAndSaysSo) {
  save(1);
  Checkpoint checkpoint = sample_checkpoint(2);
  checkpoint.optimizer["m.flow.w"][0][1] = INFINITY;
  store_.save(checkpoint, 2);
  EXPECT_EQ(located(run()), "step_00000001");
  EXPECT_EQ(warnings_,
            joined("falling back to ", store_.at(1).string(), ":\n  ", store_.at(2).string(),
                   "/optimizer.safetensors: m.flow.w: 1 of 6 numbers are not finite\n"));
  Complaint complaint = complaint_of([&] { read_checkpoint(located_path(run() + ":2")); });
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  EXPECT_EQ(
      complaint.message,
      store_.at(2).string() + "/optimizer.safetensors: m.flow.w: 1 of 6 numbers are not finite");
}

TEST_F(CheckpointStores, FallsBackFromAPointerThatIsGoneOrNonsense) {
  save(1);
  save(2);
  for (const char* content : {"", "step_2\n", "../../etc/passwd\n", "step_00000009\n"}) {
    warnings_.clear();
    write_plainly(directory_ / "checkpoints/latest", content);
    EXPECT_EQ(located(run()), "step_00000002") << content;
    EXPECT_NE(warnings_, "") << content;
  }
  fs::remove(directory_ / "checkpoints/latest");
  EXPECT_EQ(located(run()), "step_00000002");
}

TEST_F(CheckpointStores, NeverStartsOverWhenAllAreBroken) {
  save(1);
  save(2);
  spoil(1);
  spoil(2);
  Complaint complaint = complaint_of([&] { store_.latest(warn()); });
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  EXPECT_TRUE(complaint.message.starts_with(
      run() + "/checkpoints: holds checkpoints, but none is whole:\n"));
  EXPECT_TRUE(complaint.message.ends_with("\nRestore one, or start anew in another run directory"));
  EXPECT_EQ(warnings_, "");
}

// ---- a disk that refuses ----

// A small disk of its own, where this process may mount one.
class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(path_);
    mounted_ = ::geteuid() == 0 && ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=256k") == 0;
    if (!mounted_) GTEST_SKIP() << "needs the right to mount";
  }
  void TearDown() override {
    if (mounted_) ::umount(path_.c_str());
  }

  TemporaryDirectory directory_;
  fs::path path_ = directory_ / "disk";
  bool mounted_ = false;
};

TEST_F(FullDisk, LeavesTheOldCheckpointsAlone) {
  CheckpointStore full(path_);
  Checkpoint checkpoint = sample_checkpoint(1);
  checkpoint.state.best->step = 1;
  checkpoint.weights["flow.w"] = at::ones({25000});
  full.save(checkpoint, 3);
  checkpoint.state.step = 2;
  checkpoint.weights["flow.w"] = at::ones({100000});
  std::string message = message_of([&] { full.save(checkpoint, 3); });
  EXPECT_TRUE(message.ends_with("weights.safetensors: cannot be written: the disk is full"))
      << message;
  EXPECT_EQ(full.steps(), (std::vector<int64_t>{1}));
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), {}), 3);
  auto warn = [](const std::string& warning) { ADD_FAILURE() << warning; };
  EXPECT_EQ(message_of([&] { read_checkpoint(*full.latest(warn)); }), "no error");
}

TEST_F(FullDisk, IsTriedAgainAtTheNextOccasionAndEndsTheRunOnlyWhenItStaysFull) {
  ConsoleText text;
  Log log(text.console());
  Metrics metrics(directory_ / "metrics.jsonl", 0);
  Saver saver(CheckpointStore(path_), 3, log);
  fs::path ballast = path_ / "ballast";
  for (int round = 0; round < 2; ++round) {
    write_plainly(ballast, std::string(1 << 18, 'x'));
    for (int misses = 0; misses < 4; ++misses)
      EXPECT_FALSE(saver.save(sample_checkpoint(5), metrics));
    if (round == 1) break;
    fs::remove(ballast);
    EXPECT_TRUE(saver.save(sample_checkpoint(6), metrics));
  }
  EXPECT_NE(text.text().find("warning: the checkpoint of step 5 could not be saved: "),
            std::string::npos);
  EXPECT_NE(text.text().find("(4 of 5 refusals in a row)\n"), std::string::npos) << text.text();
  std::string message = message_of([&] { saver.save(sample_checkpoint(7), metrics); });
  EXPECT_TRUE(message.ends_with("\nThese were 5 refusals in a row; the run ends here")) << message;
  EXPECT_EQ(saver.store().steps(), (std::vector<int64_t>{6}));
}

}  // namespace
}  // namespace diffeo
