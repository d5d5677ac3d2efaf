#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>

#include "config_errors.h"

namespace diffeo {
namespace {

// Found in less than a second of this process, whatever the text is.
std::string quick_errors_of(const std::string& text) {
  std::clock_t start = std::clock();
  std::string errors = errors_of(text);
  EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC) << errors.substr(0, 200);
  return errors;
}

TEST(ConfigYaml, RefusesDuplicateKeys) {
  EXPECT_EQ(errors_with("train:\n  steps: 1\n  keep: 2\n  steps: 3\n"),
            "c.yaml:6:3: train: duplicate key 'steps', first on line 4");
}

TEST(ConfigYaml, RefusesASecondDocument) {
  EXPECT_EQ(errors_with("---\nseed: 1\n"),
            "c.yaml:4:1: a second document; expected one (a line '---' begins another)");
}

TEST(ConfigYaml, RefusesMergeKeys) {
  EXPECT_EQ(errors_with("train: {<<: {steps: 3}}"),
            "c.yaml:3:9: train: a merge key (<<), which YAML 1.2 does not have: it would hide "
            "which keys are set; "
            "write them out, or use an alias for the whole mapping");
}

TEST(ConfigYaml, RefusesTags) {
  EXPECT_EQ(
      errors_with("seed: !!int 3"),
      "c.yaml:3:7: seed: a tag ('tag:yaml.org,2002:int'); values here have no tags, leave it out");
  EXPECT_EQ(errors_with("train: !!python/object:os.system {steps: 1}"),
            "c.yaml:3:8: train: a tag ('tag:yaml.org,2002:python/object:os.system'); values here "
            "have no tags, "
            "leave it out");
}

TEST(ConfigYaml, RefusesKeysThatAreNotNames) {
  EXPECT_EQ(errors_with("? [a, b]\n: 1\n"), "c.yaml:3:3: a key that is not a name");
}

TEST(ConfigYaml, RefusesAliasesInsideTheirOwnValue) {
  EXPECT_EQ(quick_errors_of("flow: &a [1, *a]"),
            "c.yaml:1:7: flow[1]: an alias inside the value it stands for, which would never end");
  EXPECT_EQ(quick_errors_of("data: &a {b: {c: *a}}"),
            "c.yaml:1:7: data.b.c: an alias inside the value it stands for, which would never end");
}

TEST(ConfigYaml, RefusesAliasesThatExplode) {
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 12; ++i) {
    std::string inner = joined("*a", i - 1), name = joined("a", i);
    bomb += name + ": &" + name + " [" + inner;
    for (int k = 0; k < 9; ++k) bomb += ", " + inner;
    bomb += "]\n";
  }
  std::string errors = quick_errors_of(bomb);
  EXPECT_TRUE(errors.ends_with("more than 100000 values once every alias is replaced by its copy"))
      << errors;
}

TEST(ConfigYaml, RefusesDeepNesting) {
  std::string errors =
      quick_errors_of(joined("flow: ", std::string(33, '['), std::string(33, ']')));
  EXPECT_TRUE(errors.starts_with("c.yaml:1:38: flow[0]") &&
              errors.ends_with(": more than 32 levels deep"))
      << errors;
  for (char open : {'[', '{'}) {
    EXPECT_EQ(quick_errors_of(joined("flow: ", std::string(300000, open))),
              "c.yaml:1:300007: not YAML: more than 32 levels deep");
  }
}

TEST(ConfigYaml, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(quick_errors_of("seed: 1\nflow: a\xFFz"),
            "c.yaml:2:8: not UTF-8; save the file as UTF-8");
  EXPECT_EQ(quick_errors_of("seed: \xC0\xAF"),
            "c.yaml:1:7: not UTF-8; save the file as UTF-8");  // overlong
  EXPECT_EQ(quick_errors_of("seed: \xED\xA0\x80"),
            "c.yaml:1:7: not UTF-8; save the file as UTF-8");  // surrogate
  EXPECT_EQ(quick_errors_of("seed: \xF4\x90\x80\x80"),
            "c.yaml:1:7: not UTF-8; save the file as UTF-8");  // too large
  EXPECT_EQ(quick_errors_of("seed: \xE2\x82"),
            "c.yaml:1:7: not UTF-8; save the file as UTF-8");  // cut short
  EXPECT_EQ(quick_errors_of(std::string("seed: 1\0", 8)),
            "c.yaml:1:8: a NUL byte; expected text in UTF-8");
  EXPECT_EQ(quick_errors_of(std::string("\xFF\xFEs\0", 4)),
            "c.yaml:1:1: UTF-16; save the file as UTF-8");
}

TEST(ConfigYaml, AcceptsUtf8WithItsMark) {
  EXPECT_EQ(errors_of("\xEF\xBB\xBF" + kSmallest +
                      "penalty: {parameters: [\xE2\x82\xAC, \xF0\x9F\x98\x80]}"),
            "");
}

TEST(ConfigYaml, RefusesLargeTexts) {
  EXPECT_EQ(quick_errors_of(std::string((1 << 20) + 1, '#')),
            "c.yaml:1:1: larger than 1 MiB, which no configuration is");
}

TEST(ConfigYaml, RefusesFullTextsQuickly) {
  std::string keys, list = "flow: [";
  for (int i = 0; keys.size() < 300000; ++i) keys += joined("k", i, ": 1\n");
  while (list.size() < 300000) list += "{type: mlp},";
  EXPECT_NE(quick_errors_of(keys), "");
  EXPECT_NE(quick_errors_of(list + "]"), "");
  EXPECT_NE(quick_errors_of(joined(std::string(300000, 'a'), ": 1")), "");
  EXPECT_NE(quick_errors_of(joined("seed: ", std::string(300000, '1'))), "");
  EXPECT_NE(quick_errors_of(std::string(300000, '"')), "");
}

TEST(ConfigYaml, ReadsOrRefusesWhateverDamageATextHas) {
  const std::string whole =
      kData +
      "flow:\n  - &a {type: repeat, times: 2, body: [{type: actnorm}, {type: reverse}]}\n  - *a\n"
      "optimizer:\n  kind: adamax\n  learning_rate: 1e-3\n  schedule: {warmup_steps: 3}\n"
      "penalty: {l2: 0.5, parameters: [\"a\\tb\", 'c']}\ntrain:\n  steps: 10  # few\n";
  ASSERT_EQ(errors_of(whole), "");
  const std::string pieces = "{}[]:,-?*&!|>'\"%@`#~ \n\t\\<=.0\xFF\xC3\xA9";
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = whole;
    for (int changes = 1 + random() % 3; changes > 0; --changes) {
      size_t at = random() % text.size(), length = random() % 2 ? 1 : random() % 20;
      text.replace(at, random() % 2 ? length : 0,
                   random() % 4 ? std::string(1, pieces[random() % pieces.size()]) : "");
    }
    refused += errors_of(text) != "";
  }
  EXPECT_GT(refused, 1000);
}

TEST(ConfigYaml, RewordsSyntaxErrors) {
  EXPECT_EQ(errors_with("train: {steps: 3"),
            "c.yaml:3:17: not YAML: a '{' is still open here, or a ',' is missing");
  EXPECT_EQ(errors_with("train: {sample_temperatures: [1, 2}"),
            "c.yaml:3:35: not YAML: a ']' or '}' that closes nothing");
  EXPECT_EQ(errors_with("train:\n\tsteps: 3\n"),
            "c.yaml:4:1: not YAML: a tab in the indentation; use spaces");
  EXPECT_EQ(errors_with("train:\n  steps 3\n  keep: 2\n"),
            "c.yaml:5:7: not YAML: a ':' where none can stand; look for a missing ':' or quote "
            "here and on the line "
            "above");
  EXPECT_EQ(errors_with("train:\n  steps: 3\n keep: 2\n"),
            "c.yaml:5:2: not YAML: expected another 'key: value' here; look at the indentation and "
            "at the line above");
  EXPECT_EQ(errors_with("seed: \"3\n"), "c.yaml:3:9: not YAML: a quote is still open here");
  EXPECT_EQ(errors_with("seed: @3\n"),
            "c.yaml:3:7: not YAML: a text cannot begin with this character; put it in quotes");
  EXPECT_EQ(errors_with("seed: *three\n"),
            "c.yaml:3:7: not YAML: an alias (*name) without its anchor (&name) above");
}

class ConfigFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "diffeo_config_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string written(const std::string& text) const {
    std::ofstream(folder_ / "c.yaml") << text;
    return (folder_ / "c.yaml").string();
  }
  std::string errors_of_file(const std::string& path) const {
    try {
      read_config(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit(), Exit::kUsage);
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFile, IsReadAndNamedInMessages) {
  EXPECT_EQ(read_config(written(kSmallest + "seed: 4"), {"train.steps=5"}).seed, 4);
  std::string path = written(kSmallest + "seed: x");
  EXPECT_EQ(errors_of_file(path),
            path + ":3:7: seed: expected a whole number of at least 0, found 'x'");
}

TEST_F(ConfigFile, IsRefusedWhereItCannotBeRead) {
  std::string missing = (folder_ / "d.yaml").string();
  EXPECT_EQ(errors_of_file(missing), missing + ": no such file");
  EXPECT_EQ(errors_of_file(folder_.string()),
            folder_.string() + ": is a directory, expected a file");
  std::string large = written(std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(errors_of_file(large), large + ": holds 1048577 bytes, expected at most 1048576");
}

}  // namespace
}  // namespace diffeo
