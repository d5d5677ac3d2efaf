#include <ATen/ATen.h>

#include <regex>

#include "io/npy.h"
#include "io/png.h"
#include "io/safetensors.h"
#include "program.h"

namespace diffeo {
namespace {

// Commands on a run of two classes of images 4 x 4, with two levels, and on the plane of the
// recorded run.
class CommandOnRun : public Commands {
 protected:
  static void SetUpTestSuite() {
    shared_ = new TemporaryDirectory;
    write_plainly(*shared_ / "image.yaml", R"(
data: {source: npy, path: x.npy, shape: [3, 4, 4], test_fraction: 0.25, labels: y.npy, classes: 2}
train: {steps: 2, batch_size: 8, sample_temperatures: [], ema_decay: 0.5}
flow:
  - {type: dequantize}
  - {type: logit}
  - {type: squeeze}
  - {type: actnorm}
  - {type: factor_out}
  - {type: prior, classes: true}
)");
    save_npy(*shared_ / "x.npy",
             at::arange(40 * 48).remainder(256).view({40, 4, 4, 3}).to(at::kByte));
    save_npy(*shared_ / "y.npy", at::arange(40).remainder(2).to(at::kByte));
    Answer trained = Program(shared_->path(), {"train", "image.yaml", "--run", "images"}).wait();
    ASSERT_EQ(trained.exit, 0) << trained.err;
    std::filesystem::copy(DIFFEO_SOURCE "/tests/runs/format1", *shared_ / "plane",
                          std::filesystem::copy_options::recursive);
  }
  static void TearDownTestSuite() { delete shared_; }

  Answer here(const Words& words) const { return Program(shared_->path(), words).wait(); }
  Tensor sampled(const Words& words) const {
    Words all{"sample", "images", "--out", "s.npy"};
    all.insert(all.end(), words.begin(), words.end());
    Answer answer = here(all);
    EXPECT_EQ(answer.exit, 0) << answer.err;
    EXPECT_EQ(answer.out, "s.npy\n");
    return load_npy(*shared_ / "s.npy");
  }

  static TemporaryDirectory* shared_;
};
TemporaryDirectory* CommandOnRun::shared_ = nullptr;

TEST_F(CommandOnRun, WritesAPictureIntoTheRun) {
  Answer answer = here({"sample", "images", "--count", "9", "--temperature", "0.5,1"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out, "images/samples/step_00000002_n9_seed0_t0.5,1.png\n");
  EXPECT_EQ(answer.err,
            "9 samples at temperature 0.5,1, seed 0, with the averaged weights of "
            "images/checkpoints/step_00000002, of the "
            "classes 0 to 1 in turn\n");
  Tensor picture = load_png(*shared_ / "images/samples/step_00000002_n9_seed0_t0.5,1.png");
  EXPECT_EQ(picture.size(0), 3);
  EXPECT_EQ(picture.size(1), picture.size(2));
}

TEST_F(CommandOnRun, GivesTheSameSamplesInEveryBatchSizeAndCount) {
  Tensor all = sampled({"--count", "7", "--seed", "5"});
  EXPECT_EQ(all.scalar_type(), at::kByte);
  EXPECT_EQ(event_shape(all), (Shape{4, 4, 3}));
  EXPECT_TRUE(at::equal(sampled({"--count", "7", "--seed", "5", "--batch-size", "3"}), all));
  EXPECT_TRUE(at::equal(sampled({"--count", "4", "--seed", "5"}), all.narrow(0, 0, 4)));
  EXPECT_FALSE(at::equal(sampled({"--count", "7", "--seed", "6"}), all));
  EXPECT_FALSE(at::equal(sampled({"--count", "7", "--seed", "5", "--raw"}), all));
  EXPECT_FALSE(at::equal(sampled({"--count", "7", "--seed", "5", "--temperature", "0.5"}), all));
  Tensor of_one = sampled({"--count", "7", "--seed", "5", "--class", "1"});
  EXPECT_TRUE(at::equal(of_one[1], all[1]) && at::equal(of_one[3], all[3]))
      << "samples 1 and 3 are of class 1 anyway";
}

TEST_F(CommandOnRun, KeepsLatentsAndLabelsBesideTheSamples) {
  Answer answer = here(
      {"sample", "images:best", "--count", "5", "--temperature", "0", "--out", "s.safetensors"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  SafetensorsFile file = load_safetensors(*shared_ / "s.safetensors");
  EXPECT_EQ(file.tensors.at("samples").sizes(), (at::IntArrayRef{5, 3, 4, 4}));
  EXPECT_EQ(file.tensors.at("samples").scalar_type(), at::kByte);
  EXPECT_TRUE(at::equal(file.tensors.at("latents"), at::zeros({5, 48})));
  EXPECT_TRUE(at::equal(file.tensors.at("labels"), at::arange(5).remainder(2)));
  EXPECT_EQ(file.metadata.at("seed"), "0");
  EXPECT_EQ(file.metadata.at("step"), "2");
  EXPECT_EQ(file.metadata.at("temperature"), "0");
  EXPECT_EQ(file.metadata.at("weights"), "average");
}

TEST_F(CommandOnRun, DrawsPointsOfThePlane) {
  EXPECT_EQ(here({"sample", "plane", "--out", "p.npy", "--count", "6"}).exit, 0);
  EXPECT_EQ(load_npy(*shared_ / "p.npy").sizes(), (at::IntArrayRef{6, 2}));
  EXPECT_EQ(here({"sample", "plane", "--out", "p.png", "--count", "6"}).exit, 0);
  EXPECT_EQ(load_png(*shared_ / "p.png").size(0), 3);
}

TEST_F(CommandOnRun, SaysHowManySamplesAreNotFinite) {
  Words words{"sample", "plane", "--out", "far.npy", "--count", "6", "--temperature", "1e39"};
  Answer answer = here(words);
  EXPECT_EQ(answer.exit, 5);
  EXPECT_EQ(answer.out, "far.npy\n");
  EXPECT_TRUE(answer.err.ends_with(
      "\n6 of 6 samples are not finite, the first of them sample 0; far.npy holds them all. Cures: "
      "a lower --temperature, another checkpoint; --allow-nonfinite takes them as they are\n"))
      << answer.err;
  EXPECT_EQ(load_npy(*shared_ / "far.npy").sizes(), (at::IntArrayRef{6, 2}));
  words.push_back("--allow-nonfinite");
  answer = here(words);
  EXPECT_EQ(answer.exit, 0);
  EXPECT_TRUE(answer.err.ends_with(
      "\nwarning: 6 of 6 samples are not finite, the first of them sample 0\n"))
      << answer.err;
}

TEST_F(CommandOnRun, RefusesTargetsBeforeItDraws) {
  std::filesystem::create_directory(*shared_ / "folder.npy");
  expect_refused(here({"sample", "plane", "--out", "folder.npy"}), 1,
                 "folder.npy: is a directory, expected the name of a file");
  expect_refused(here({"sample", "plane", "--out", "p.png", "--count", "100000000"}), 2,
                 "--out: a picture shows at most 33554432 samples of shape [2], --count is "
                 "100000000; use .npy or .safetensors");
}

TEST_F(CommandOnRun, SaysWhatIsWrong) {
  expect_refused(here({"sample", "plane", "--class", "1"}), 2,
                 "diffeo sample: --class: the samples of this flow depend on no class");
  expect_refused(here({"sample", "images", "--class", "2"}), 2,
                 "sampling: class 2, expected one of 0 to 1");
  expect_refused(here({"sample", "images", "--temperature", "1,1,1"}), 2,
                 "sampling: 3 temperatures, expected one, or one for each of this flow's 2 levels");
  expect_refused(here({"sample", "images", "--temperature", "-1"}), 2,
                 "diffeo sample: --temperature: expected a number of at least 0, found '-1'");
  expect_refused(here({"sample", "images", "--temperature", "1,,1"}), 2,
                 "diffeo sample: --temperature: expected a number of at least 0, found ''");
  expect_refused(here({"sample", "images", "--count", "0"}), 2,
                 "diffeo sample: --count: expected a whole number of at least 1, found '0'");
  expect_refused(here({"sample", "images", "--out", "s.jpg"}), 2,
                 "--out: expected a file that ends in .png, .npy, .csv or .safetensors, found 's.jpg'");
  expect_refused(here({"sample", "images", "--out", "none/s.png"}), 2,
                 "--out: none/s.png: no such folder: none");
}

TEST_F(CommandOnRun, SaysWhatIsWrongWithACheckpoint) {
  expect_refused(here({"sample", "none"}), 4, "none: no such run or checkpoint");
  expect_refused(here({"sample", "images:9"}), 4,
                 "images:9: there is no such checkpoint; it holds latest, best and the steps 2");
  std::filesystem::copy(*shared_ / "images", path("broken"),
                        std::filesystem::copy_options::recursive);
  std::string weights = read_plainly(path("broken/checkpoints/step_00000002/weights.safetensors"));
  weights.back() ^= 1;
  write("broken/checkpoints/step_00000002/weights.safetensors", weights);
  expect_refused(diffeo({"sample", "broken:2"}), 4,
                 "broken/checkpoints/step_00000002/weights.safetensors: its bytes are not those "
                 "that were written (the "
                 "checksum differs)");
}

TEST_F(CommandOnRun, EvaluatesToTheNumbersOfTheTraining) {
  Answer answer = here({"evaluate", "images", "--json", "--batch-size", "3"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.err,
            "evaluating 10 examples of test with the averaged weights of "
            "images/checkpoints/step_00000002\n");
  nlohmann::json found = answer.json();
  nlohmann::json trained =
      nlohmann::json::parse(read_plainly(*shared_ / "images/summary.json")).at("test");
  for (const char* key : {"nats", "bits_per_dim", "standard_error"}) {
    EXPECT_NEAR(found.at(key).get<double>(), trained.at(key).get<double>(), 1e-5) << key;
  }
  EXPECT_EQ(found.at("examples"), 10);
  EXPECT_EQ(found.at("split"), "test");
  EXPECT_EQ(found.at("step"), 2);
  EXPECT_EQ(found.at("weights"), "average");
  EXPECT_FALSE(found.contains("entropy"));
}

TEST_F(CommandOnRun, AveragesOverDrawsOfTheNoise) {
  nlohmann::json one = here({"evaluate", "images", "--split", "train", "--raw", "--json"}).json();
  EXPECT_EQ(one.at("examples"), 30);
  EXPECT_EQ(one.at("weights"), "raw");
  nlohmann::json three =
      here({"evaluate", "images", "--split", "train", "--raw", "--json", "--draws", "3"}).json();
  EXPECT_NE(three.at("nats"), one.at("nats"));
  EXPECT_NEAR(three.at("bits_per_dim").get<double>(), one.at("bits_per_dim").get<double>(), 1e-2);
}

TEST_F(CommandOnRun, ShowsTheImportanceWeightedBoundBesideTheOther) {
  Answer text = here({"evaluate", "images", "--importance-samples", "3"});
  EXPECT_TRUE(std::regex_match(text.out,
                               std::regex("test: [0-9.]+ ± [0-9.]+ bits/dim over 10 images\n"
                                          "by 3 importance samples: [0-9.]+ ± [0-9.]+ bits/dim\n")))
      << text.out;
  nlohmann::json found = here({"evaluate", "images", "--importance-samples", "3", "--json"}).json();
  nlohmann::json drawn = here({"evaluate", "images", "--draws", "3", "--json"}).json();
  EXPECT_EQ(found.at("nats"), drawn.at("nats"));
  EXPECT_LT(found.at("importance").at("nats"), found.at("nats"));
  EXPECT_EQ(found.at("draws"), 3);
}

TEST_F(CommandOnRun, ScoresADensityOnAHundredThousandDraws) {
  nlohmann::json found = here({"evaluate", "plane", "--json"}).json();
  EXPECT_EQ(found.at("examples"), 100000);
  EXPECT_EQ(found.at("bits_per_dim"), nullptr);
  EXPECT_GT(found.at("nats").get<double>(), found.at("entropy").get<double>());
  Answer other =
      here({"evaluate", "plane", "data.density=gaussian", "data.evaluation_examples=100001"});
  EXPECT_TRUE(
      std::regex_match(other.out, std::regex("test: [0-9.]+ ± [0-9.]+ nats over 100001 examples\n"
                                             "entropy: 4.9541 nats, the least that is possible\n")))
      << other.out;
}

TEST_F(CommandOnRun, SaysWhatCannotBeEvaluated) {
  expect_refused(here({"evaluate", "plane", "train.steps=3"}), 2,
                 "diffeo evaluate: only data.* can be changed, found 'train.steps=3'");
  expect_refused(here({"evaluate", "plane", "--split", "val"}), 2,
                 "no split is called val; there are: test");
  expect_refused(here({"evaluate", "images", "data.shape=[3, 4, 8]"}), 2,
                 "diffeo evaluate: the shape of the data: expected [3, 4, 4], as in training, "
                 "found [3, 4, 8]");
  expect_refused(
      here({"evaluate", "images", "data.classes=3"}), 2,
      "diffeo evaluate: the number of classes of the data: expected 2, as in training, found 3");
  expect_refused(here({"evaluate", "images", "data.path=none.npy"}), 3, "none.npy: no such file");
  expect_refused(here({"evaluate", "plane", "--importance-samples", "2"}), 2,
                 "diffeo evaluate: --importance-samples are of a dequantizer's noise, and this "
                 "flow has none: its log p is "
                 "exact");
  expect_refused(
      here({"evaluate", "images", "--importance-samples", "0"}), 2,
      "diffeo evaluate: --importance-samples: expected a whole number of at least 1, found '0'");
  expect_refused(here({"evaluate", "images", "--importance-samples", "2", "--draws", "2"}), 2,
                 "diffeo evaluate: --draws and --importance-samples: expected one of them; "
                 "importance samples are also "
                 "averaged");
  expect_refused(here({"evaluate", "images", "--draws", "0"}), 2,
                 "diffeo evaluate: --draws: expected a whole number of at least 1, found '0'");
}

TEST_F(CommandOnRun, DescribesAndChecksACheckpoint) {
  EXPECT_TRUE(here({"describe", "images:best"}).out.ends_with("\nparameters: 72\n"));
  Answer checked = here({"check", "images"});
  EXPECT_EQ(checked.exit, 0) << checked.out;
  EXPECT_EQ(checked.err, "checking the averaged weights of images/checkpoints/step_00000002\n");
  EXPECT_TRUE(checked.out.ends_with("\n6 of 6 layers pass\n")) << checked.out;
  expect_refused(here({"describe", "images:9"}), 4,
                 "images:9: there is no such checkpoint; it holds latest, best and the steps 2");
}

}  // namespace
}  // namespace diffeo
