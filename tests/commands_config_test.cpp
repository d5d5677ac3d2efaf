#include <chrono>
#include <regex>

#include "program.h"

namespace diffeo {
namespace {

using CommandConfig = Commands;

const std::string kPlane = "data: {source: synthetic, density: rings}\n";

std::string images(const std::string& shape) {
  return "data: {source: npy, path: a.npy, test_fraction: 0.1, shape: " + shape + "}\n";
}

struct Mistake {
  std::string text;   // of the file
  std::string error;  // what follows the file's name
};

// What issue 3, section 6, lists of configurations.
const std::vector<Mistake> kMistakes = {
    {kPlane + "flow: [{type: scale, factr: 2}]\n",
     ":2:22: flow[0]: unknown key 'factr' of scale, did you mean 'factor'?"},
    {kPlane + "flow: [{type: actnrm}]\n",
     ":2:15: flow[0].type: unknown type 'actnrm', did you mean 'actnorm'?"},
    {kPlane + "flow: []\nseed: one\n",
     ":3:7: seed: expected a whole number of at least 0, found 'one'"},
    {kPlane + "flow: []\ntrain: {steps: 0}\n",
     ":3:16: train.steps: expected a whole number of at least 1, found '0'"},
    {kPlane + "flow: []\nseed: 1\nseed: 2\n", ":4:1: duplicate key 'seed', first on line 3"},
    {kPlane + "flow: []\n---\nseed: 1\n",
     ":4:1: a second document; expected one (a line '---' begins another)"},
    {"flow: &a [1, *a]\n",
     ":1:7: flow[1]: an alias inside the value it stands for, which would never end"},
    {"seed: 1\nflow: \xFF\n", ":2:7: not UTF-8; save the file as UTF-8"},
    {images("[3, 6, 6]") + "flow: [{type: dequantize}, {type: squeeze}, {type: squeeze}]\n",
     ":2:45: flow[2] (squeeze): needs an image of even height and width, got [12, 3, 3]"},
    {images("[3, 6, 6]") + "flow: [{type: dequantize}, {type: factor_out}]\n",
     ":2:28: flow[1] (factor_out): cannot halve the channels of [3, 6, 6]"},
    {images("[1, 6, 6]") + "flow: [{type: dequantize}, {type: factor_out}]\n",
     ":2:28: flow[1] (factor_out): leaves nothing to go on with: the input has one channel, [1, 6, "
     "6]"},
    {kPlane + "flow: [{type: coupling, context: class, net: {type: mlp}}]\n",
     ":2:8: flow[0] (coupling): context: needs labels, but the data have none (data.classes)"},
    {images("[3, 6, 6]") + "flow: [{type: squeeze}]\n",
     ":2:8: flow[0]: images are whole numbers, and no layer turns them into reals; begin with "
     "{type: dequantize}"},
    {"", ": is empty"},
};

TEST_F(CommandConfig, TellsEveryMistakeOfEveryFileAtOnce) {
  Words words{"config", "validate"};
  std::string expected;
  for (size_t i = 0; i < kMistakes.size(); ++i) {
    std::string name = joined("m", i, ".yaml");
    write(name, kMistakes[i].text);
    words.push_back(name);
    expected += name + kMistakes[i].error + "\n";
  }
  auto start = std::chrono::steady_clock::now();
  Answer answer = diffeo(words);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(answer.exit, 2);
  EXPECT_EQ(answer.out, "");
  EXPECT_EQ(answer.err, expected);
}

TEST_F(CommandConfig, TellsAllMistakesOfOneFileInTheirOrder) {
  std::string two =
      kPlane +
      "flow:\n  - {type: coupling, context: class, net: {type: mlp}}\n  - {type: squeeze}\n";
  write("c.yaml", two + "  - {type: sclae}\nseeed: 1\n");
  Answer names = diffeo({"config", "validate", "c.yaml"});
  EXPECT_EQ(names.exit, 2);
  EXPECT_EQ(names.err,
            "c.yaml:5:12: flow[2].type: unknown type 'sclae', did you mean 'scale'?\n"
            "c.yaml:6:1: unknown key 'seeed', did you mean 'seed'?\n");
  write("c.yaml",
        kPlane +
            "flow:\n  - {type: coupling, context: class, net: {type: mlp}}\n  - {type: squeeze}\n");
  EXPECT_EQ(diffeo({"config", "validate", "c.yaml"}).err,
            "c.yaml:3:5: flow[0] (coupling): context: needs labels, but the data have none "
            "(data.classes)\n"
            "c.yaml:4:5: flow[1] (squeeze): needs an image of even height and width, got [2]\n");
}

TEST_F(CommandConfig, ValidatesShippedOnesByNameInUnderASecondWhateverTheirSize) {
  auto start = std::chrono::steady_clock::now();
  Answer nothing = diffeo({"config", "validate"});
  EXPECT_EQ(nothing.exit, 2);
  EXPECT_NE(nothing.err.find("CONFIG"), std::string::npos) << nothing.err;
  Answer answer = diffeo({"config", "validate", "quickstart", "celebahq256/glow"});
  EXPECT_LT(std::chrono::steady_clock::now() - start,
            std::chrono::seconds(2));  // two of them, on a busy machine
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out, "quickstart: valid\ncelebahq256/glow: valid\n");
}

TEST_F(CommandConfig, NamesTheNearestShippedOne) {
  expect_refused(diffeo({"config", "show", "quikstart"}), 2,
                 "quikstart: no such file, and no shipped configuration has that name, did you "
                 "mean 'quickstart'?");
  expect_refused(diffeo({"config", "show", "nothing/like/it"}), 2,
                 "nothing/like/it: no such file, and no shipped configuration has that name, see "
                 "diffeo config list");
  expect_refused(diffeo({"config", "show", "."}), 2, ".: is a directory, expected a configuration");
}

TEST_F(CommandConfig, ListsTheShippedOnesWithTheirPurpose) {
  Answer answer = diffeo({"config", "list"});
  EXPECT_EQ(answer.exit, 0);
  EXPECT_TRUE(std::regex_search(answer.out, std::regex("(^|\n)cifar10/glow  +Glow on CIFAR-10 ")))
      << answer.out;
  EXPECT_TRUE(std::regex_search(answer.out, std::regex("(^|\n)quickstart  +Glow on Fashion-MNIST")))
      << answer.out;
}

TEST_F(CommandConfig, ShowsWhatReadsBackAsTheSame) {
  write("c.yaml",
        kPlane + "flow: [{type: repeat, times: 2, body: [{type: coupling, net: {type: mlp}}]}]\n");
  Answer shown = diffeo({"config", "show", "c.yaml", "train.steps=7", "flow.**.hidden=5"});
  EXPECT_EQ(shown.exit, 0);
  EXPECT_EQ(shown.err, "flow.**.hidden=5: set 1 value\n");
  EXPECT_NE(shown.out.find("steps: 7"), std::string::npos);
  EXPECT_NE(shown.out.find("hidden: 5"), std::string::npos);
  EXPECT_NE(shown.out.find("keep: 3"), std::string::npos) << "defaults are written out";
  write("again.yaml", shown.out);
  EXPECT_EQ(diffeo({"config", "show", "again.yaml"}).out, shown.out);
}

TEST_F(CommandConfig, RefusesOverridesThatNameNothing) {
  write("c.yaml", kPlane + "flow: []\n");
  expect_refused(diffeo({"config", "show", "c.yaml", "train.stepz=7"}), 2,
                 "command line: train.stepz=7: nothing has this name, did you mean 'train.steps'?");
  expect_refused(diffeo({"config", "show", "c.yaml", "train.steps"}), 2,
                 "command line: train.steps: expected KEY=VALUE, such as train.steps=1000, "
                 "flow[2].times=32 or "
                 "flow.**.hidden=128");
}

TEST_F(CommandConfig, WritesTheSchema) {
  Answer printed = diffeo({"config", "schema"});
  EXPECT_EQ(printed.exit, 0);
  EXPECT_EQ(printed.json().at("$schema"), "http://json-schema.org/draft-07/schema#");
  Answer written = diffeo({"config", "schema", "--out", "s.json"});
  EXPECT_EQ(written.out, "s.json\n");
  EXPECT_EQ(read_plainly(path("s.json")), printed.out);
  expect_refused(diffeo({"config", "schema", "--out", "none/s.json"}), 1,
                 "none/s.json: cannot be written: no such file or directory");
}

TEST_F(CommandConfig, PrintsTheReference) {
  Answer answer = diffeo({"config", "reference"});
  EXPECT_EQ(answer.exit, 0);
  EXPECT_NE(answer.out.find("| `seed` |"), std::string::npos);
}

}  // namespace
}  // namespace diffeo
