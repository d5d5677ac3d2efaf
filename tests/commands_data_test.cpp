// data info and data pack, as a user runs them.

#include <ATen/ATen.h>

#include "config/config.h"
#include "data/data.h"
#include "io/npy.h"
#include "io/png.h"
#include "program.h"

namespace diffeo {
namespace {

class CommandData : public Commands {
 protected:
  // Two classes of pictures in folders, 3 x 4 pixels.
  void write_pictures() const {
    at::manual_seed(0);
    for (const char* name : {"cats/a", "cats/b", "cats/c", "dogs/a", "dogs/b"}) {
      std::filesystem::create_directories(path("photos") /
                                          std::filesystem::path(name).parent_path());
      save_png(path(std::string("photos/") + name + ".png"),
               at::randint(10, 200, {3, 3, 4}).to(at::kByte));
    }
  }
  void write_table() const { write("t.csv", "a,b,c\n1,10,0\n2,20,0\n4,30,0\n5,20,1\n"); }
};

constexpr const char* kPhotos = "{source: images, path: photos, size: [3, 4], classes: 2}";

TEST_F(CommandData, TellsRangesLevelsAndClassesOfImages) {
  save_npy(path("x.npy"), at::tensor({0, 0, 7, 255}, at::kByte).view({2, 1, 2}));
  save_npy(path("y.npy"), at::tensor({1, 1}, at::kByte));
  Answer answer = diffeo(
      {"data", "info", "{source: npy, path: x.npy, shape: [1, 1, 2], labels: y.npy, classes: 2}"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out,
            "images [1, 1, 2] of whole numbers 0 to 255\n\n"
            "split    examples  least  greatest  levels used  mean  deviation\n"
            "train           2      0       255            3  65.5    109.445\n\n"
            "class    train\n"
            "0            0\n"
            "1            2\n");
  EXPECT_NE(answer.err.find("class"), std::string::npos) << answer.err;  // one has no example
}

TEST_F(CommandData, TellsTheColumnsOfVectorsAndOfWhatTheyAreConditionedOn) {
  write_table();
  Answer answer =
      diffeo({"data", "info", "{source: csv, path: t.csv, columns: [b, a], context: [c]}"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out,
            "vectors [2] of real numbers\n\n"
            "split    examples\n"
            "train           4\n\n"
            "column    least  mean  deviation  greatest  distinct\n"
            "b            10    20    7.07107        30         3\n"
            "a             1     3    1.58114         5         4\n\n"
            "context    least  mean  deviation  greatest  distinct\n"
            "c              0  0.25   0.433013         1         2\n");
}

TEST_F(CommandData, SaysTheSameInJson) {
  write_table();
  Answer answer = diffeo(
      {"data", "info", "{source: csv, path: t.csv, columns: [b], test_fraction: 0.25}", "--json"});
  nlohmann::json facts = answer.json();
  EXPECT_EQ(facts.at("shape"), nlohmann::json({1}));
  EXPECT_EQ(facts.at("splits").at("train").at("examples"), 3);
  EXPECT_EQ(facts.at("splits").at("test").at("examples"), 1);
  EXPECT_EQ(facts.at("columns")[0].at("column"), "b");
  EXPECT_EQ(facts.at("columns_of"), "train");
}

TEST_F(CommandData, DrawsAContactSheetAndKnowsWhatHasNone) {
  write_pictures();
  Answer answer = diffeo({"data", "info", kPhotos, "--out", "sheet.png"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(load_png(path("sheet.png")).dim(), 3);
  expect_refused(diffeo({"data", "info", kPhotos, "--out", "sheet.png"}), 2,
                 "--out: sheet.png: is there already; --force replaces it");
  write_table();
  expect_refused(
      diffeo({"data", "info", "{source: csv, path: t.csv, columns: [b]}", "--out", "t.png"}), 2,
      "diffeo data info: --out: examples of shape [1] have no picture");
}

TEST_F(CommandData, PacksWhatReadsBackAsTheSameBatches) {
  write_pictures();
  std::string section = std::string(kPhotos).replace(1, 0, "validation: 0.2, test_fraction: 0.2, ");
  Answer answer = diffeo({"data", "pack", section, "--out", "packed"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.err, "packed 1 examples of test\npacked 4 examples of train\n");
  DataConfig photos = parse_data(section, "a"), packed = parse_data(answer.out, "b");
  std::get<ImagesConfig>(photos).path = path("photos");
  auto& files = std::get<NpyConfig>(packed);
  for (auto* place : {&files.path, &*files.test, &*files.labels, &*files.test_labels})
    *place = path(*place);
  Data before = load_data(photos, 0), after = load_data(packed, 0);
  ASSERT_EQ(before.splits.size(), after.splits.size());
  for (const auto& [name, set] : before.splits) {
    EXPECT_TRUE(at::equal(set.examples, after.split(name).examples)) << name;
    EXPECT_TRUE(at::equal(set.labels, after.split(name).labels)) << name;
  }
  Batch first = before.training->at(1, 2), second = after.training->at(1, 2);
  EXPECT_TRUE(at::equal(first.x, second.x));
  EXPECT_EQ(first.x.strides(), second.x.strides());
}

TEST_F(CommandData, PacksVectorsWithTheirContextAsTheyAreRead) {
  write_table();
  std::string section =
      "{source: csv, path: t.csv, columns: [b, a], context: [c], standardise: true}";
  Answer answer = diffeo({"data", "pack", section, "--out", "packed"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out,
            "{source: npy, path: packed/train.npy, shape: [2], context: packed/train_context.npy, "
            "context_size: 1, standardise: true}\n");
  EXPECT_EQ(read_plainly(path("packed/data.yaml")), "data: " + answer.out);
  EXPECT_TRUE(at::equal(load_npy(path("packed/train.npy")),
                        at::tensor({10., 1., 20., 2., 30., 4., 20., 5.}).view({4, 2})));
  EXPECT_EQ(load_npy(path("packed/train_context.npy")).sizes(), (at::IntArrayRef{4, 1}));
}

TEST_F(CommandData, ReplacesOnlyAPackAndOnlyWhenAsked) {
  write_table();
  Words words{"data", "pack", "{source: csv, path: t.csv, columns: [b]}", "--out", "packed"};
  EXPECT_EQ(diffeo(words).exit, 0);
  expect_refused(diffeo(words), 2,
                 "diffeo data pack: --out: packed: is there already; --force replaces it");
  words[4] = "packed/";
  words.push_back("--force");
  EXPECT_EQ(diffeo(words).exit, 0);
  std::filesystem::create_directory(path("mine"));
  write("mine/letter.txt", "dear");
  words[4] = "mine";
  expect_refused(
      diffeo(words), 2,
      "diffeo data pack: --out: mine: is there already and is no pack, so it is not replaced");
  EXPECT_EQ(read_plainly(path("mine/letter.txt")), "dear");
  words[4] = "none/packed";
  expect_refused(diffeo(words), 2, "diffeo data pack: --out: none/packed: no such folder: none");
}

TEST_F(CommandData, SaysThatPaddedImagesAreNotComparable) {
  write_pictures();
  std::string section = std::string(kPhotos).replace(1, 0, "pad: 2, ");
  EXPECT_EQ(diffeo({"data", "pack", section, "--out", "packed"}).exit, 0);
  EXPECT_TRUE(
      read_plainly(path("packed/data.yaml"))
          .starts_with("# padded by 2 on each side: bits/dim is not comparable with that of "
                       "images without\n"));
}

TEST_F(CommandData, RefusesWhatIsNoDataSet) {
  expect_refused(diffeo({"data", "info", "{source: npz}"}), 2,
                 "DATA:1:10: data.source: unknown source 'npz', did you mean 'npy'?");
  expect_refused(
      diffeo({"data", "info", "{source: npy}", "data.path=x"}), 2,
      "diffeo data info: 'data.path=x' changes a configuration; of a data section alone, "
      "write it inside the braces");
  expect_refused(
      diffeo({"data", "pack", "{source: synthetic, density: tutorial}", "--out", "p"}), 2,
      "diffeo data pack: a density has no examples to pack; every step draws fresh ones");
  expect_refused(diffeo({"data", "pack", "{source: synthetic, density: tutorial}"}), 2,
                 "diffeo data pack: --out: expected a folder");
}

}  // namespace
}  // namespace diffeo
