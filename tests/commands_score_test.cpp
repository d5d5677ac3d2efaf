// score, encode and decode, as a user runs them.

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "io/npy.h"
#include "io/safetensors.h"
#include "program.h"

namespace diffeo {
namespace {

// Runs of two classes of images 4 x 4, with two levels, and of vectors that depend on a context.
class CommandScore : public Commands {
 protected:
  static void SetUpTestSuite() {
    shared_ = new TemporaryDirectory;
    train("images", R"(
data: {source: npy, path: x.npy, shape: [3, 4, 4], test_fraction: 0.25, labels: y.npy, classes: 2}
train: {steps: 20, batch_size: 8, sample_temperatures: []}
flow:
  - {type: dequantize}
  - {type: logit}
  - {type: squeeze}
  - {type: actnorm}
  - {type: coupling, map: {type: affine, form: glow}, net: {type: glow_net, hidden: 8}}
  - {type: factor_out, prior: learned}
  - {type: inv_conv}
  - {type: prior, learned: true, classes: true}
)");
    train("vectors", R"(
data: {source: npy, path: v.npy, shape: [2], test_fraction: 0.5, context: c.npy, context_size: 1}
train: {steps: 20, batch_size: 8}
flow:
  - {type: actnorm}
  - {type: autoregressive, context: features, map: {type: rational_quadratic}, net: {hidden: 8}}
)");
  }
  static void TearDownTestSuite() { delete shared_; }

  static void train(const std::string& name, const std::string& yaml) {
    at::manual_seed(0);
    save_npy(*shared_ / "x.npy",
             at::arange(40 * 48).mul(37).remainder(251).view({40, 4, 4, 3}).to(at::kByte));
    save_npy(*shared_ / "y.npy", at::arange(40).remainder(2).to(at::kByte));
    save_npy(*shared_ / "v.npy", at::linspace(-2, 2, 80, at::kFloat).view({40, 2}).sin());
    save_npy(*shared_ / "c.npy", at::linspace(0, 1, 40, at::kFloat).view({40, 1}));
    write_plainly(*shared_ / (name + ".yaml"), yaml);
    Answer trained = Program(shared_->path(), {"train", name + ".yaml", "--run", name}).wait();
    ASSERT_EQ(trained.exit, 0) << trained.err;
  }

  Answer here(const Words& words) const { return Program(shared_->path(), words).wait(); }
  void succeed(const Words& words) const {
    Answer answer = here(words);
    EXPECT_EQ(answer.exit, 0) << answer.err;
  }
  std::string text(const std::string& name) const { return read_plainly(*shared_ / name); }

  // The numbers of a .csv, a row a line, under the names in its first line.
  Tensor table(const std::string& name, const std::string& header) const {
    std::istringstream lines(text(name));
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, header);
    std::vector<double> numbers;
    int64_t rows = 0;
    for (; std::getline(lines, line); ++rows) {
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, ',');) numbers.push_back(std::stod(cell));
    }
    return at::tensor(numbers, at::kDouble).view({rows, -1});
  }

  static TemporaryDirectory* shared_;
};
TemporaryDirectory* CommandScore::shared_ = nullptr;

TEST_F(CommandScore, WritesEveryExampleInOrderAndTakenApart) {
  Answer answer = here({"score", "images", "--out", "s.csv", "--batch-size", "3", "--force"});
  EXPECT_EQ(answer.exit, 0);
  EXPECT_EQ(answer.out, "s.csv\n");
  EXPECT_EQ(answer.err,
            "scored 10 examples of test with the weights of images/checkpoints/step_00000020\n");
  Tensor rows = table("s.csv", "index,nats,bits_per_dim,log_det,base");
  EXPECT_TRUE(at::equal(rows.select(1, 0), at::arange(10, at::kDouble)));
  Tensor nats = rows.select(1, 1);
  EXPECT_TRUE(at::equal(nats, -(rows.select(1, 3) + rows.select(1, 4))));
  EXPECT_TRUE(at::allclose(rows.select(1, 2), nats / (48 * std::numbers::ln2), 1e-14));
  nlohmann::json mean = here({"evaluate", "images", "--json"}).json();
  EXPECT_NEAR(mean.at("nats").get<double>(), nats.mean().item<double>(), 1e-5);
}

TEST_F(CommandScore, TellsLevelsBoundsComplexitiesAndMaps) {
  succeed({"score", "images", "--out", "all.csv", "--levels", "--complexity",
           "--importance-samples", "4", "--maps", "maps.npy"});
  Tensor rows = table("all.csv",
                      "index,nats,bits_per_dim,log_det,base,base_0,base_1,importance_nats,"
                      "importance_bits_per_dim,complexity,corrected");
  auto column = [&](int64_t i) { return rows.select(1, i); };
  EXPECT_TRUE(at::allclose(column(4), column(5) + column(6), 1e-12));
  EXPECT_TRUE(column(7).le(column(1)).all().item<bool>());
  EXPECT_TRUE(at::allclose(column(10), column(1) - column(9), 1e-12));
  EXPECT_GT(column(9).min().item<double>(), 8 * 60 * std::numbers::ln2);
  Tensor maps = load_npy(*shared_ / "maps.npy");
  EXPECT_EQ(maps.sizes(), (at::IntArrayRef{10, 4, 4}));
  EXPECT_TRUE(at::allclose(maps.to(at::kDouble).sum({1, 2}), -column(4), 1e-5));
}

TEST_F(CommandScore, WritesTheSameNumbersInEveryFormat) {
  succeed({"score", "vectors", "--out", "v.csv"});
  succeed({"score", "vectors", "--out", "v.jsonl"});
  succeed({"score", "vectors", "--out", "n.npy"});
  Tensor rows = table("v.csv", "index,nats,log_det,base");
  EXPECT_TRUE(at::equal(load_npy(*shared_ / "n.npy"), rows.select(1, 1)));
  std::istringstream lines(text("v.jsonl"));
  int64_t i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    nlohmann::json row = nlohmann::json::parse(line);
    EXPECT_EQ(row.at("index"), i);
    EXPECT_EQ(row.at("nats").get<double>(), rows[i][1].item<double>());
    EXPECT_EQ(row.size(), 4u);
  }
  EXPECT_EQ(i, 20);
}

TEST_F(CommandScore, TakesAWholeOtherSection) {
  save_npy(*shared_ / "w.npy", load_npy(*shared_ / "v.npy").narrow(0, 5, 3));
  save_npy(*shared_ / "d.npy", load_npy(*shared_ / "c.npy").narrow(0, 5, 3));
  std::string other =
      "data={source: npy, path: w.npy, shape: [2], context: d.npy, context_size: 1}";
  Answer answer = here({"score", "vectors", other, "--out", "w.csv"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_TRUE(answer.err.starts_with("scored 3 examples of train ")) << answer.err;
  nlohmann::json mean = here({"evaluate", "vectors", other, "--json"}).json();
  EXPECT_NEAR(mean.at("nats").get<double>(),
              table("w.csv", "index,nats,log_det,base").select(1, 1).mean().item<double>(), 1e-6);
  std::string bare = "data={source: npy, path: w.npy, shape: [2]}";
  expect_refused(here({"score", "vectors", bare, "--out", "w2.csv"}), 2,
                 "diffeo score: the number of context columns of the data: expected 1, as in "
                 "training, found 0");
}

TEST_F(CommandScore, TakesAllRowsOfAFileInTheirOrderWhereNothingIsToBeCut) {
  Answer answer = here({"score", "vectors", "--split", "all", "--out", "all_v.csv"});
  EXPECT_TRUE(answer.err.starts_with("scored 40 examples of all ")) << answer.err;
  std::string section =
      "data={source: npy, path: v.npy, shape: [2], context: c.npy, context_size: 1}";
  succeed({"score", "vectors", section, "--out", "whole_v.csv"});
  EXPECT_EQ(text("all_v.csv"), text("whole_v.csv"));
  section.insert(section.size() - 1, ", test: v.npy, test_context: c.npy");
  answer = here({"score", "vectors", section, "--split", "all", "--out", "both_v.csv"});
  EXPECT_TRUE(answer.err.starts_with("scored 80 examples of all ")) << answer.err;
}

TEST_F(CommandScore, SaysWhichLogDensitiesAreNotFinite) {
  Tensor far = load_npy(*shared_ / "v.npy").narrow(0, 0, 3).clone();
  far[1][0] = 1e30;
  save_npy(*shared_ / "far.npy", far);
  save_npy(*shared_ / "d.npy", load_npy(*shared_ / "c.npy").narrow(0, 5, 3));
  Words words{"score", "vectors",
              "data={source: npy, path: far.npy, shape: [2], context: d.npy, context_size: 1}",
              "--out", "far.jsonl"};
  Answer answer = here(words);
  EXPECT_EQ(answer.exit, 5);
  EXPECT_TRUE(answer.err.ends_with(
      "\nlog p is not finite for 1 of 3 examples, the first of them example 1 (-inf); far.jsonl "
      "holds them all; --allow-nonfinite takes them as they are\n"))
      << answer.err;
  EXPECT_NE(text("far.jsonl").find("{\"index\": 1, \"nats\": null"), std::string::npos);
  words.insert(words.end(), {"--allow-nonfinite", "--force"});
  EXPECT_EQ(here(words).exit, 0);
}

TEST_F(CommandScore, DecodesWhatItEncodedToTheLastPixel) {
  succeed({"encode", "images", "--split", "train", "--out", "z.safetensors"});
  SafetensorsFile file = load_safetensors(*shared_ / "z.safetensors");
  EXPECT_EQ(file.tensors.at("level_0").sizes(), (at::IntArrayRef{30, 6, 2, 2}));
  EXPECT_EQ(file.tensors.at("level_1").scalar_type(), at::kDouble);
  EXPECT_EQ(file.tensors.at("labels").numel(), 30);
  EXPECT_EQ(file.metadata.at("split"), "train");
  Answer answer = here({"decode", "images", "z.safetensors", "--out", "back.npy"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out, "back.npy\n");
  Tensor back = load_npy(*shared_ / "back.npy"), all = load_npy(*shared_ / "x.npy");
  EXPECT_EQ(back.sizes(), (at::IntArrayRef{30, 4, 4, 3}));
  // The training split keeps the order of the whole, so its images follow each other in it.
  int64_t next = 0;
  for (int64_t i = 0; i < 30; ++i, ++next)
    while (next < 40 && !at::equal(back[i], all[next])) ++next;
  EXPECT_LE(next, 40) << "an image that came back is none of those that went in";
}

TEST_F(CommandScore, DecodesFlatLatentsOfAnyProgram) {
  succeed({"encode", "vectors", "--out", "z.npy", "--precision", "fp32"});
  Tensor z = load_npy(*shared_ / "z.npy");
  EXPECT_EQ(z.sizes(), (at::IntArrayRef{20, 2}));
  EXPECT_EQ(z.scalar_type(), at::kFloat);
  expect_refused(here({"decode", "vectors", "z.npy", "--out", "y2.npy"}), 2,
                 "diffeo decode: this flow depends on the context columns 0, and z.npy holds none; "
                 "give --given");
  succeed({"decode", "vectors", "z.npy", "--given", "0=0.5", "--out", "y2.npy"});
  succeed({"encode", "vectors", "--out", "zc.safetensors"});
  succeed({"decode", "vectors", "zc.safetensors", "--out", "y3.npy"});
  Tensor all = load_npy(*shared_ / "v.npy").to(at::kDouble), back = load_npy(*shared_ / "y3.npy");
  Tensor nearest = at::cdist(back, all).amin(1);
  EXPECT_LT(nearest.max().item<double>(), 1e-7);
}

TEST_F(CommandScore, DecodesTheLatentsOfSamples) {
  succeed({"sample", "images", "--count", "5", "--out", "s.safetensors"});
  succeed({"decode", "images", "s.safetensors", "--out", "again.npy"});
  Tensor samples = load_safetensors(*shared_ / "s.safetensors").tensors.at("samples");
  Tensor again = load_npy(*shared_ / "again.npy").permute({0, 3, 1, 2});
  EXPECT_TRUE(at::equal(again, samples));
}

TEST_F(CommandScore, KeepsOneLevelAlone) {
  succeed({"encode", "images", "--level", "1", "--out", "one.npy"});
  EXPECT_EQ(load_npy(*shared_ / "one.npy").sizes(), (at::IntArrayRef{10, 6, 2, 2}));
  succeed({"encode", "images", "--level", "1", "--out", "one.safetensors"});
  expect_refused(here({"decode", "images", "one.safetensors", "--out", "none.npy"}), 3,
                 "one.safetensors: expected the tensors level_0 to level_1, or latents; there is "
                 "no level_0");
  expect_refused(here({"encode", "images", "--level", "2", "--out", "two.npy"}), 2,
                 "diffeo encode: --level: this flow has 2 levels, counted from 0");
}

TEST_F(CommandScore, ExportsAndSaysHowItIsCalled) {
  Answer answer = here({"export", "vectors", "--out", "v.pt"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out, "v.pt\n");
  EXPECT_TRUE(answer.err.starts_with(
      "exported the weights of vectors/checkpoints/step_00000020; at 1, 3 and 64 examples no "
      "answer is further from the flow's than "))
      << answer.err;
  EXPECT_TRUE(
      answer.err.ends_with("\nlog_prob(x [B, 2], context [B, 1]) -> [B]\n"
                           "encode(x [B, 2], context [B, 1]) -> [B, 2]\n"
                           "decode(z [B, 2], context [B, 1]) -> [B, 2]\n"))
      << answer.err;
  expect_refused(here({"export", "vectors", "--out", "v.pt"}), 2,
                 "--out: v.pt: is there already; --force replaces it");
  expect_refused(here({"export", "vectors", "--out", "v.onnx"}), 2,
                 "--out: expected a file that ends in .pt, found 'v.onnx'");
}

TEST_F(CommandScore, RefusesWhatItCannotWrite) {
  expect_refused(here({"score", "images", "--out", "same.npy", "--maps", "same.npy"}), 2,
                 "diffeo score: --maps and --out: both name same.npy; expected two files");
  for (const char* command : {"score", "encode"}) {
    const char* endings =
        std::string(command) == "score" ? ".csv, .jsonl or .npy" : ".safetensors or .npy";
    expect_refused(here({command, "images"}), 2,
                   joined("--out: expected a file that ends in ", endings, ", found nothing"));
    expect_refused(here({command, "images", "--out", "s.txt"}), 2,
                   joined("--out: expected a file that ends in ", endings, ", found 's.txt'"));
    expect_refused(here({command, "images", "--out", "none/s.npy"}), 2,
                   "--out: none/s.npy: no such folder: none");
    expect_refused(here({command, "images", "--out", "x.npy"}), 2,
                   "--out: x.npy: is there already; --force replaces it");
  }
  expect_refused(here({"decode", "images", "x.npy", "--out", "new.npy"}), 3,
                 "x.npy: holds Byte of shape [40, 4, 4, 3], expected floats of shape [N]+[48]");
  expect_refused(here({"score", "vectors", "--out", "new.csv", "--maps", "new.npy"}), 2,
                 "maps: expected a flow of images whose latents are grids over them; this one's "
                 "examples are [2] and its last latents [2]");
  expect_refused(here({"encode", "images", "--precision", "fp8", "--out", "new.npy"}), 2,
                 "--precision: expected fp32 or fp64, found 'fp8'");
  expect_refused(here({"sample", "images", "--out", "new.csv"}), 2,
                 "--out: samples of shape [3, 4, 4] are no rows of a table; use .png, .npy or "
                 ".safetensors");
  EXPECT_FALSE(std::filesystem::exists(*shared_ / "new.csv"));
}

}  // namespace
}  // namespace diffeo
